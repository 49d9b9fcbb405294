"""One request as a wire format makes it, before a client sends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["HttpCall"]


@dataclass(frozen=True, slots=True)
class HttpCall:
    """What is sent. `tokens` estimates what it counts towards a budget of tokens: the prompt and the longest reply."""

    path: str
    body: Mapping[str, Any]
    tokens: int = 0
    assemble: Callable[[Sequence[dict[str, Any]]], Mapping[str, Any]] | None = None
    """Makes the whole reply of the events of a stream, where it was asked for as one."""
    needs: frozenset[str] = frozenset()
    """Parameters without which the reply would be no answer, and those that the user asked for by name."""
    folded: bool = False
    """Whether the system's words are in the first turn."""
    drawn: bool = False
    """Whether the reply is drawn at random, so that asking again would draw another one."""
    notes: tuple[str, ...] = ()
    """Of the reply: what the format left out of what was asked."""
