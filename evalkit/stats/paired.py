"""The mean difference of paired scores: its interval and p, for one data set or for many at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.stats.clusters import renumber, sums
from evalkit.stats.intervals import quantile
from evalkit.stats.score import tango, tango_statistic

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray


@dataclass(frozen=True, slots=True)
class Difference:
    """Candidate less baseline over pairs, with the interval of `confidence` (two-sided) and the two-sided p of none.

    `how` names the form that was taken; bounds and p are NaN where nothing says how much the difference varies.
    """

    value: float
    low: float
    high: float
    p_value: float
    n: int
    clusters: int
    how: str
    confidence: float


def paired_interval(
    baseline: FloatRows, candidate: FloatRows, clusters: IntArray | None = None, confidence: float = 0.95
) -> Difference:
    """The mean of candidate - baseline (both of shape (n,)) with its interval; see docs/statistics.md for the forms.

    Raises ValueError where shapes differ or a value is not finite.
    """
    before, after = np.asarray(baseline, dtype=np.float64), np.asarray(candidate, dtype=np.float64)
    if before.shape != after.shape or before.ndim != 1:
        raise ValueError(f"pairs need two arrays of one shape (n,), found {before.shape} and {after.shape}")
    d = after - before
    if not np.isfinite(d).all():
        raise ValueError("a value is not finite")
    n = len(d)
    numbers, count = renumber(clusters, n)
    if count < 2:
        value = float(d.mean()) if n else math.nan
        return Difference(
            value, math.nan, math.nan, math.nan, n, count, f"n={n}" if n < 2 else "one cluster", confidence
        )
    from scipy import special

    value = float(d.mean())
    if numbers is None and bool(((d == 0.0) | (np.abs(d) == 1.0)).all()):
        gains, losses = float((d > 0).sum()), float((d < 0).sum())
        low, high = tango(np.asarray(gains), np.asarray(losses), np.asarray(float(n)), np.asarray(quantile(confidence)))
        statistic = float(tango_statistic(*(np.asarray(x) for x in (gains, losses, float(n), 0.0))))
        p = 1.0 if gains + losses == 0.0 else 2.0 * float(special.ndtr(-abs(statistic)))
        return Difference(value, float(low), float(high), p, n, count, "tango", confidence)
    parts = sums(d - value, numbers, count)
    error = math.sqrt(count / (count - 1) * float(parts @ parts)) / n
    half = quantile(confidence, count - 1) * error
    p = 1.0 if error == 0.0 else 2.0 * float(special.stdtr(count - 1, -abs(value) / error))
    return Difference(value, value - half, value + half, p, n, count, "t", confidence)
