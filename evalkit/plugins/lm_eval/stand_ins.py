"""What a task's own Python is given in place of what must not run as it is: `evaluate.load("code_eval")`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["stand_ins"]

_lock = threading.RLock()


@contextmanager
def stand_ins() -> Iterator[None]:
    """While a task's module is imported: programs that a model wrote go to evalkit's sandbox, and other metrics of
    `evaluate` are loaded, mostly from the hub, when they are first used and not before."""
    try:
        import evaluate
    except ImportError:
        yield
        return
    from evalkit.plugins.lm_eval.code_eval import CodeEval, importing

    def load(path: str, *args: Any, **kwargs: Any) -> Any:
        return CodeEval() if path == "code_eval" else _Later(lambda: original(path, *args, **kwargs))

    with _lock:
        original = evaluate.load
        evaluate.load = load
        importing(1)
        try:
            yield
        finally:
            importing(-1)
            evaluate.load = original


class _Later:
    """A metric that is loaded when something of it is asked for."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load: Callable[[], Any] | None = load
        self._loaded: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._load is not None:
            self._loaded, self._load = self._load(), None
        return getattr(self._loaded, name)
