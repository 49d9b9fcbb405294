"""What a policy asks of one task: how large a drop is too large, and how sure a gate must be."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GateLimits:
    """The margin of one task (in units of its metric, ≥ 0) and the certainty asked for.

    `confidence` is that of each one-sided bound, so that a gate errs with probability α = 1 - confidence: α = 0.05
    by default. `any_drop_blocks`: a significant drop fails even inside the margin. `zero_tolerance`, for safety
    tasks: a single sample that was right and is wrong now fails, and no margin applies. `share`: the metric is a
    proportion of the samples, so that sentences tell differences in points.

    Raises ValueError for a margin that is negative or not a number and for a confidence outside (0.5, 1).
    """

    margin: float
    confidence: float = 0.95
    any_drop_blocks: bool = False
    zero_tolerance: bool = False
    proportion: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.margin) and self.margin >= 0.0):
            raise ValueError(f"a margin must be a number ≥ 0, found {self.margin}")
        if not 0.5 < self.confidence < 1.0:
            raise ValueError(f"confidence must lie between 0.5 and 1, found {self.confidence}")

    @property
    def alpha(self) -> float:
        """The one-sided error rate."""
        return 1.0 - self.confidence
