"""What every model that stands around another one has in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalkit.core import Capabilities, Identity, Model, Request

__all__ = ["Wrapper"]


class Wrapper:
    """Is, for whoever asks, the model inside; what it does with requests is for each wrapper to say."""

    def __init__(self, model: Model) -> None:
        self._model = model

    @property
    def identity(self) -> Identity:
        return self._model.identity

    @property
    def capabilities(self) -> Capabilities:
        return self._model.capabilities

    @property
    def facts(self) -> Mapping[str, str]:
        return dict(getattr(self._model, "facts", {}))

    def forget(self, request: Request) -> None:
        """Whoever keeps replies asks again for this one next time."""
        forget = getattr(self._model, "forget", None)
        if forget is not None:
            forget(request)

    async def close(self) -> None:
        await self._model.close()

    def __getattr__(self, name: str) -> Any:
        """What else the model inside says of itself: its price, whether its replies may be cached."""
        if name.startswith("_"):  # also while an object is copied, before there is a model inside
            raise AttributeError(name)
        return getattr(self._model, name)
