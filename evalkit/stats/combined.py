"""The interval of a weighted mean of independent estimates, from their own intervals alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evalkit.core import Estimate


def combined_interval(parts: Sequence[Estimate], weights: Sequence[float]) -> Estimate:
    """Σ wᵢθᵢ / Σ wᵢ over independent estimates θᵢ ∈ [lᵢ, uᵢ] with weights wᵢ ≥ 0, and its interval.

    The bounds lie √Σ(wᵢ(θᵢ - lᵢ))² below and √Σ(wᵢ(uᵢ - θᵢ))² above (with weights that sum to 1): the method of
    variance estimates recovery, MOVER (Zou and Donner, Statistics in Medicine 27, 2008). It keeps what each interval
    knows of its own shape, such as Wilson's near 0 and 1, or clusters; for symmetric ones it is the usual formula.

    The parts stand for themselves: nothing is said of other tasks that might have been taken. n is the parts' sum.
    Raises ValueError without parts, for weights that are negative or sum to 0, and for unequal confidence.
    """
    pairs = list(zip(parts, weights, strict=True))
    total = math.fsum(weights)
    if not pairs or total <= 0.0 or min(weights) < 0.0:
        raise ValueError(f"weights must not be negative nor all 0, found {list(weights)}")
    confidence = parts[0].confidence
    if any(part.confidence != confidence for part in parts):
        raise ValueError("the intervals are of different confidence")
    proportions = [(part, weight / total) for part, weight in pairs if weight > 0.0]
    value = math.fsum(proportion * part.value for part, proportion in proportions)
    below = math.hypot(*(proportion * (part.value - part.low) for part, proportion in proportions))
    above = math.hypot(*(proportion * (part.high - part.value) for part, proportion in proportions))
    count = sum(part.n for part in parts)
    return Estimate(value, value - below, value + above, count, f"mover over {len(parts)} tasks", confidence)
