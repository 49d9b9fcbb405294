"""The interval of a weighted mean of independent estimates, from their own intervals alone."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from evalkit.core import Estimate


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
    pairs = list(zip(parts, weights, names, strict=True))
    total = math.fsum(weights)
    if not pairs or total <= 0.0 or min(weights) < 0.0:
        raise ValueError(f"weights must not be negative nor all 0, found {list(weights)}")
    confidence = parts[0].confidence
    if any(part.confidence != confidence for part in parts):
        raise ValueError("the intervals are of different confidence")
    kept = [(part, weight / total, name) for part, weight, name in pairs if weight > 0.0]
    value = math.fsum(proportion * part.value for part, proportion, _ in kept)
    below, above = defaultdict[str, float](float), defaultdict[str, float](float)
    for part, proportion, name in kept:
        below[name] += proportion * (part.value - part.low)
        above[name] += proportion * (part.high - part.value)
    low, high = value - math.hypot(*below.values()), value + math.hypot(*above.values())
    how = f"mover over {len(parts)} tasks"
    if len(below) < len(kept):
        how += f" of {len(below)} sets of questions"
    return Estimate(value, low, high, sum(part.n for part in parts), how, confidence)
