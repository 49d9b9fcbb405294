"""What is said of toy sets wherever a score on one is shown."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["MEANING", "listed", "note"]

MEANING = "small and made up, for trials"


def note(names: Sequence[str]) -> str:
    """The sentence that stands below a table; nothing where there is no toy set."""
    if not names:
        return ""
    if len(names) == 1:
        return f"{names[0]} is a toy set: {MEANING}. Its numbers say nothing about a model."
    return f"{listed(names)} are toy sets: {MEANING}. Their numbers say nothing about a model."


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
