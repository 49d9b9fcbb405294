"""The texts that end a reply."""

from __future__ import annotations

from collections.abc import Iterable

from evalkit.core import UsageError

__all__ = ["checked_stops"]


def checked_stops(stop: Iterable[str], name: str = "stop") -> tuple[str, ...]:
    """The stop strings. Raises UsageError for an empty one, which every reply contains."""
    found = tuple(stop)
    if not all(found):
        raise UsageError(
            f"{name} holds an empty text, which would end every reply before its first character",
            found=repr(list(found)),
            fix=f'leave {name} out, or write a text such as "\\n"',
        )
    return found
