"""The last layer, computed only at the places something is wanted of.

Attention reads keys and values of all tokens, and they may be kept; but nothing reads what the last layer makes of a
token that no logits are wanted at. So the layer is begun with all tokens and left when it has attended, then computed
once more with the wanted ones, whose attention is known. Whether a model can be computed so is tried beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from evalkit.models.hf.forward.attention_patch import UnsupportedError

__all__ = ["LastLayer", "Narrowed", "last_layer"]

_WORTH = 2
"""Fewer than one token in so many must be wanted: the second beginning has a separate cost."""


class _AttendedError(Exception):
    """Leaves the layer; no error."""


class Narrowed:
    """A pass whose last layer is narrowed to `places`, ascending, of its row of `tokens`."""

    def __init__(self, places: torch.Tensor, tokens: int) -> None:
        self._places = places
        self._tokens = tokens
        self._begins = False
        self._attended: torch.Tensor | None = None

    def known(self) -> torch.Tensor | None:
        """The attention at the wanted places, where the layer asks for it a second time; else None."""
        attended, self._attended = self._attended, None
        return attended

    def leave(self, attended: torch.Tensor) -> None:
        """Leave the layer with its attention (1, tokens, heads, size), where it is the last one."""
        if self._begins:
            self._attended = attended[:, self._places.to(attended.device)]
            raise _AttendedError

    def run(self, layer: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """What `layer` returns, with zeros everywhere but at the wanted places."""
        self._begins = True
        try:
            layer(*args, **named)
        except _AttendedError:
            pass
        else:
            raise UnsupportedError("its last layer does not attend")
        finally:
            self._begins = False
        found = layer(*map(self._picked, args), **{name: self._picked(value) for name, value in named.items()})
        return (self._spread(found[0]), *found[1:]) if isinstance(found, tuple) else self._spread(found)

    def _picked(self, value: Any) -> Any:
        """An argument of the layer at the wanted places, where it has one entry a token."""
        if isinstance(value, tuple | list):
            return type(value)(map(self._picked, value))
        if not isinstance(value, torch.Tensor) or value.dim() == 0:
            return value
        places = self._places.to(value.device)
        if value.dim() == 1:
            return value[places] if len(value) == self._tokens else value
        return value[:, places] if value.shape[1] == self._tokens else value

    def _spread(self, hidden: torch.Tensor) -> torch.Tensor:
        # What comes after the layer may know how many tokens there are.
        whole = hidden.new_zeros(1, self._tokens, hidden.shape[-1])
        whole[:, self._places.to(hidden.device)] = hidden
        return whole


class LastLayer:
    """The last layer of one model. For one thread at a time."""

    def __init__(self, layer: Any) -> None:
        self._layer = layer

    def narrowed(self, places: torch.Tensor, tokens: int) -> Narrowed | None:
        """A narrowed pass, or None where too much of it is wanted. Where nothing is, one token is computed."""
        if len(places) * _WORTH >= tokens:
            return None
        return Narrowed(places if len(places) else torch.zeros(1, dtype=torch.long), tokens)

    @contextmanager
    def within(self, narrowed: Narrowed) -> Iterator[None]:
        """Within the block the layer is computed as `narrowed` says."""
        forward, own = self._layer.forward, vars(self._layer).get("forward")
        self._layer.forward = lambda *args, **named: narrowed.run(forward, args, named)
        try:
            yield
        finally:
            del self._layer.forward
            if own is not None:  # accelerate's, where weights are brought to the layer when it is asked
                self._layer.forward = own


def last_layer(model: Any) -> LastLayer | None:
    """The last of a model's layers, where there is one list of as many modules as its config says."""
    count = getattr(model.config.get_text_config(), "num_hidden_layers", None)
    lists = [m for m in model.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == count]
    return LastLayer(lists[0][-1]) if len(lists) == 1 else None
