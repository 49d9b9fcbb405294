"""The interval of a weighted mean of independent estimates, from their own intervals alone."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evalkit.core import Estimate


@dataclass(frozen=True, slots=True)
class Combined:
    """A number made of estimates, and how far each set of questions that they rest on can move it down and up.

    below, above: the reaches by the name of the questions, ≥ 0. n: samples. parts: how many estimates it is made of.
    """

    value: float
    below: Mapping[str, float]
    above: Mapping[str, float]
    n: int
    confidence: float
    parts: int = 1

    @property
    def estimate(self) -> Estimate:
        """The value with its interval: reaches of different questions are independent, so their squares add."""
        low = self.value - math.hypot(*self.below.values())
        high = self.value + math.hypot(*self.above.values())
        how = f"mover over {self.parts} tasks"
        if len(self.below) < self.parts:
            how += f" of {len(self.below)} sets of questions"
        return Estimate(self.value, low, high, self.n, how, self.confidence)


def part(estimate: Estimate, questions: str) -> Combined:
    """One estimate, whose questions have that name."""
    below, above = {questions: estimate.value - estimate.low}, {questions: estimate.high - estimate.value}
    return Combined(estimate.value, below, above, estimate.n, estimate.confidence)


def combine(parts: Sequence[Combined], weights: Sequence[float]) -> Combined:
    """Σ wᵢθᵢ / Σ wᵢ. Reaches of the same questions add up as they are, since how much they move together is unknown.

    Raises ValueError without parts, for weights that are negative or sum to 0, and for unequal confidence.
    """
    total = math.fsum(weights)
    if not parts or total <= 0.0 or min(weights) < 0.0:
        raise ValueError(f"weights must not be negative nor all 0, found {list(weights)}")
    confidence = parts[0].confidence
    if any(one.confidence != confidence for one in parts):
        raise ValueError("the intervals are of different confidence")
    kept = [(one, weight / total) for one, weight in zip(parts, weights, strict=True) if weight > 0.0]
    below, above = defaultdict[str, float](float), defaultdict[str, float](float)
    for one, proportion in kept:
        for name in one.below:
            below[name] += proportion * one.below[name]
            above[name] += proportion * one.above[name]
    value = math.fsum(proportion * one.value for one, proportion in kept)
    return Combined(value, below, above, sum(one.n for one in parts), confidence, sum(one.parts for one, _ in kept))


def above_chance(found: Combined, floor: float) -> Combined:
    """(θ - floor) / (1 - floor), and 0 where θ is below the floor: guessing counts as 0 and 1 stays 1.

    So the Open LLM Leaderboard 2 normalises. The ends of the interval are moved likewise: an end below the floor
    becomes 0, and the reaches of all sets of questions shrink in the same proportion. Raises ValueError for a floor
    outside [0, 1).
    """
    if not 0.0 <= floor < 1.0:
        raise ValueError(f"a floor is at least 0 and below 1, found {floor:g}")
    if floor == 0.0:
        return found
    value = max(0.0, (found.value - floor) / (1.0 - floor))
    bounds = found.estimate
    low, high = (max(0.0, (end - floor) / (1.0 - floor)) if end == end else end for end in (bounds.low, bounds.high))
    return replace(
        found,
        value=value,
        below=_scaled(found.below, value - low, found.value - bounds.low),
        above=_scaled(found.above, high - value, bounds.high - found.value),
    )


def _scaled(reaches: Mapping[str, float], now: float, before: float) -> dict[str, float]:
    """The reaches, whose root of squares was `before`, so that it is `now`."""
    factor = now / before if before else 0.0
    return {name: reach * factor for name, reach in reaches.items()}


def combined_interval(
    parts: Sequence[Estimate], weights: Sequence[float], together: Sequence[str] | None = None
) -> Estimate:
    """Σ wᵢθᵢ / Σ wᵢ over independent estimates θᵢ ∈ [lᵢ, uᵢ] with weights wᵢ ≥ 0, and its interval.

    The bounds lie √Σ(wᵢ(θᵢ - lᵢ))² below and √Σ(wᵢ(uᵢ - θᵢ))² above (with weights that sum to 1): the method of
    variance estimates recovery, MOVER (Zou and Donner, Statistics in Medicine 27, 2008). It keeps what each interval
    knows of its own shape, such as Wilson's near 0 and 1, or clusters; for symmetric ones it is the usual formula.

    `together` names what each part rests on, such as the questions of a task. Parts of one name may move together, and
    how much is not known from their intervals alone: their reaches are added as they are, which is the most it can be.

    The parts stand for themselves: nothing is said of other tasks that might have been taken. n is the parts' sum.
    Raises ValueError without parts, for weights that are negative or sum to 0, and for unequal confidence.
    """
    names = list(together) if together is not None else [str(place) for place in range(len(parts))]
    return combine([part(one, name) for one, name in zip(parts, names, strict=True)], weights).estimate
