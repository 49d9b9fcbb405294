"""An attention of our own in place of a transformers model's, in one thread and for one pass."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

__all__ = ["Swapped", "UnsupportedError"]

State = TypeVar("State")


class UnsupportedError(Exception):
    """The model attends in a way that a pass of ours can't."""


class Swapped(Generic[State]):
    """One attention function under one name. Models on different devices run in threads of their own."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        """`function` is called as transformers calls an attention; no entry among the masks means that it gets none."""
        self._name = name
        self._function = function
        self._thread = threading.local()
        self._configs: WeakKeyDictionary[Any, list[Any]] = WeakKeyDictionary()
        """Those of a model's modules. To look for them takes longer than a thirtieth of a step that writes a token."""

    @property
    def state(self) -> State:
        """What the pass under way in this thread was given. Raises UnsupportedError where there is none."""
        found: State | None = getattr(self._thread, "state", None)
        if found is None:
            raise UnsupportedError("its attention was called outside of a pass")
        return found

    @contextmanager
    def within(self, model: Any, state: State) -> Iterator[State]:
        """Within the block `model` attends by the function, which finds `state`."""
        self._register()
        if model not in self._configs:
            found = {id(module.config): module.config for module in model.modules() if hasattr(module, "config")}
            self._configs[model] = list(found.values())
        before = [(config, config._attn_implementation_internal) for config in self._configs[model]]
        self._thread.state = state
        try:
            for config, _ in before:
                config._attn_implementation_internal = self._name
            yield state
        finally:
            self._thread.state = None
            for config, name in before:
                config._attn_implementation_internal = name

    def _register(self) -> None:
        from transformers import AttentionInterface

        if self._name not in AttentionInterface._global_mapping:
            AttentionInterface.register(self._name, self._function)
