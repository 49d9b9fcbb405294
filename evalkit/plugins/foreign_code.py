"""Whether Python of folders that are neither an installed package nor the project's may run while tasks are loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["allowed", "is_allowed"]

_given: ContextVar[bool] = ContextVar("foreign_code", default=False)


@contextmanager
def allowed(*, given: bool = True) -> Iterator[None]:
    """The user's leave, for what is loaded inside; it is said for every run anew. `given=False` changes nothing."""
    before = _given.set(given or _given.get())
    try:
        yield
    finally:
        _given.reset(before)


def is_allowed() -> bool:
    return _given.get()
