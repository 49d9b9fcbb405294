"""Whether two harnesses came to the same: prompts, log-likelihoods, right answers, texts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from peers.measuring import Item

_VOCABULARY = 8192
"""Two harnesses were within these bounds with so many tokens. lm-eval adds up the exponentials of a whole vocabulary in
float32, so that its rounding grows with the vocabulary (`real_models.py parity` holds both to float64)."""
ABSOLUTE = 1e-4
"""By how much two log-likelihoods of a continuation may differ in float32, up to `_VOCABULARY` tokens."""
RELATIVE = 1e-6
"""By how much two rolling sums may, which are as large as their texts are long, up to `_VOCABULARY` tokens."""


def bound(kind: str, vocabulary: int) -> float:
    """How far apart two harnesses' log-likelihoods may be: nats, or for rolling sums a share of their size."""
    return (RELATIVE if kind == "rolling" else ABSOLUTE) * max(1.0, vocabulary / _VOCABULARY)


@dataclass
class Parity:
    """How far two outcomes are apart. `furthest` is absolute for choices and relative for rolling sums."""

    rows: int = 0
    missing: int = 0
    other_prompts: int = 0
    other_answers: int = 0
    other_texts: int = 0
    furthest: float = 0.0
    bound: float = 0.0

    @property
    def holds(self) -> bool:
        return self.is_same_but_for_rounding and self.furthest <= self.bound

    @property
    def is_same_but_for_rounding(self) -> bool:
        """Whether every prompt, answer and text is the same, however far apart the log-likelihoods are."""
        others = self.missing + self.other_prompts + self.other_answers + self.other_texts
        return self.rows > 0 and others == 0

    def worst(self, other: Parity) -> Parity:
        """Both, each number the worse one."""
        merged: dict[str, Any] = {key: max(value, asdict(other)[key]) for key, value in asdict(self).items()}
        return Parity(**merged)


def compare(ours: Mapping[str, Item], theirs: Mapping[str, Item], kind: str, vocabulary: int) -> Parity:
    """Row by row, found by their ids."""
    found = Parity(rows=len(theirs), bound=bound(kind, vocabulary))
    found.missing = len(ours.keys() ^ theirs.keys())
    for key in ours.keys() & theirs.keys():
        one, other = ours[key], theirs[key]
        found.other_prompts += one.prompt != other.prompt
        found.other_texts += one.text != other.text
        found.other_answers += any(one.right.get(name) != value for name, value in other.right.items())
        found.missing += len(one.loglikelihoods) != len(other.loglikelihoods)
        for left, right in zip(one.loglikelihoods, other.loglikelihoods, strict=False):
            found.furthest = max(found.furthest, _apart(left, right, kind))
    return found


def _apart(left: float, right: float, kind: str) -> float:
    """Infinite where one is no number, which `max` would pass over."""
    if left == right:
        return 0.0
    apart = abs(left - right) / (abs(right) if kind == "rolling" else 1.0)
    return math.inf if math.isnan(apart) else apart
