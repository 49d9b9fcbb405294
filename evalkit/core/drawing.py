"""How texts are drawn: what a run, a task's recommendation or a model's own configuration says of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from evalkit.core.errors import UsageError

__all__ = ["Sampling"]


_ENDS: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("temperature", "top_k", "repetition_penalty", "thinking_tokens"), (0, math.inf)),
    **dict.fromkeys(("top_p", "min_p"), (0, 1)),
    **dict.fromkeys(("max_tokens", "samples"), (1, math.inf)),
}
_FIXES = {
    "top_p": "a proportion above 0, at most 1",
    "min_p": "a proportion from 0 to 1",
    "repetition_penalty": "a number above 0",
    **dict.fromkeys(("temperature", "top_k", "thinking_tokens"), "a number of 0 or more"),
}


@dataclass(frozen=True, slots=True)
class Sampling:
    """Settings of drawn texts; None where nothing is said.

    `top_k` 0, `min_p` 0, `top_p` 1 and `repetition_penalty` 1 change nothing. `max_tokens` is the most of one text,
    `thinking_tokens` what a thinking model may think on top, `samples` how many times each question is asked.
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    max_tokens: int | None = None
    thinking_tokens: int | None = None
    samples: int | None = None

    def __post_init__(self) -> None:
        """Raises UsageError for a value that nothing can be drawn by."""
        for name, value in self.said.items():
            least, most = _ENDS[name]
            if not least <= value <= most or (value == 0 and name in ("top_p", "repetition_penalty")):
                raise UsageError(f"{name} cannot be {value:g}", fix=_FIXES.get(name, "a number of 1 or more"))

    @property
    def said(self) -> dict[str, float]:
        """What is said, by name."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def or_else(self, other: Sampling) -> Sampling:
        """These settings, with the other's where these say nothing."""
        return Sampling(**{**other.said, **self.said})  # type: ignore[arg-type]
