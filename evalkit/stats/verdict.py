"""What is known of one number: the one object that estimates, differences and decisions are made of."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evalkit.core import Estimate


@dataclass(frozen=True, slots=True)
class Verdict:
    """A value with the interval of `confidence` (two-sided) and the two-sided p of none.

    `how` names the form that was taken; bounds and p are NaN where nothing says how much the value varies. `clusters`
    are independent, `n` counts samples. `left_out` samples are not in the value, and `why` says for what reason and how
    the bounds meet it. `correction` says over how many decisions an outcome was corrected; empty where it is alone.
    """

    value: float
    low: float
    high: float
    p_value: float
    n: int
    clusters: int
    how: str
    confidence: float
    left_out: int = 0
    why: str = ""
    correction: str = ""

    @property
    def estimate(self) -> Estimate:
        return Estimate(self.value, self.low, self.high, self.n, self.how, self.confidence)

    @staticmethod
    def unknown(how: str, n: int = 0, clusters: int = 0, confidence: float = 0.95, value: float = math.nan) -> Verdict:
        """A value about whose variation nothing is known."""
        return Verdict(value, math.nan, math.nan, math.nan, n, clusters, how, confidence)
