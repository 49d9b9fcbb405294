"""What is known of a model from its checkpoint's folder, whichever engine runs it."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from evalkit.core import Capabilities, Identity, ModelError, Request, Sampling
from evalkit.models.hf.loading.adapters import Adapter
from evalkit.models.hf.loading.checkpoint import Checkpoint
from evalkit.models.hf.request_preparer import FEATURES, refuse
from evalkit.models.tokenizers import TokenCounter

__all__ = ["CheckpointModel", "CheckpointOptions"]


class CheckpointOptions(Protocol):
    """The options that every such model has."""

    @property
    def chat(self) -> str: ...
    @property
    def generation_config(self) -> bool: ...
    @property
    def trust_remote_code(self) -> bool: ...


Options = TypeVar("Options", bound=CheckpointOptions)


class CheckpointModel(Generic[Options]):
    """The part of a `core.Model` that needs no weights. A subclass says who it is, what it can do, and answers."""

    def __init__(self, checkpoint: Checkpoint, options: Options, adapter: Adapter | None = None) -> None:
        self._checkpoint = checkpoint
        self._options = options
        self._adapter = adapter
        self._identity: Identity | None = None
        template = checkpoint.template
        self._has_template = template is not None
        # A template that never names tools would leave them out without a word.
        self._takes_tools = "tools" in (template or "") and options.chat != "off"
        self._counter = TokenCounter(checkpoint, code=options.trust_remote_code)
        self._closed = False

    def _identify(self) -> Identity:
        raise NotImplementedError

    @property
    def identity(self) -> Identity:
        """Who this is. The first look computes the digest of local weights, which is then remembered on disk."""
        if self._identity is None:
            self._identity = self._identify()
        return self._identity

    @property
    def capabilities(self) -> Capabilities:
        """What it can be asked."""
        raise NotImplementedError

    @property
    def recommended(self) -> Sampling | None:
        """How the model's own configuration has texts drawn, where it was asked for (`generation_config=true`)."""
        return self._checkpoint.recommended if self._options.generation_config else None

    @property
    def _features(self) -> frozenset[str]:
        return FEATURES | ({"tools"} if self._takes_tools else frozenset())

    def _refuse(self, request: Request) -> None:
        """Raises ModelError for a request that this model can't be asked, and for any after it was closed."""
        if self._closed:
            raise ModelError("the model was closed")
        has_chat = self._options.chat != "off"
        refuse(request, self._checkpoint.name, self.capabilities, has_chat=has_chat, has_template=self._has_template)
