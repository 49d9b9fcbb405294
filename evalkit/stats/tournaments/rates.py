"""The interval of a win rate, where a tie is half a win."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core import Estimate
from evalkit.stats import mean_interval
from evalkit.stats.clusters import renumber, sums

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray


def rate_interval(
    values: FloatRows | Sequence[float], clusters: IntArray | None = None, confidence: float = 0.95
) -> Estimate:
    """The mean of wins (1), ties (0.5) and losses (0), of shape (n,), with its interval.

    With ties it is half the proportion of wins plus half the proportion of what is not a loss. Each of the two has the
    interval of a share (score, exact where it is rare), and they are put together by MOVER with the correlation of both
    (Zou & Donner 2008), which stays right where t on three values is too short. Without ties, and for soft preferences,
    it is `mean_interval`.
    """
    x = np.asarray(values, dtype=np.float64)
    if not (x == 0.5).any() or not np.isin(x, (0.0, 0.5, 1.0)).all():
        return mean_interval(x, clusters, confidence)
    won, held = (x == 1.0).astype(np.float64), (x > 0.0).astype(np.float64)
    one, two = (mean_interval(proportion, clusters, confidence) for proportion in (won, held))
    together = _correlation(won, held, clusters)

    def half(a: float, b: float) -> float:
        return 0.5 * math.sqrt(a * a + b * b + 2.0 * together * a * b)

    value = float(x.mean())
    low = value - half(one.value - one.low, two.value - two.low)
    high = value + half(one.high - one.value, two.high - two.value)
    how = one.how if one.how == two.how else f"{one.how} and {two.how}"
    return Estimate(value, max(0.0, low), min(1.0, high), len(x), f"ties as half, {how}", confidence)


def _correlation(one: FloatRows, two: FloatRows, clusters: IntArray | None) -> float:
    """Of the two means, over clusters; 0 where one of them does not vary."""
    numbers, count = renumber(clusters, len(one))
    parts = sums(np.column_stack([one - one.mean(), two - two.mean()]), numbers, count)
    spread = math.sqrt(float((parts[:, 0] ** 2).sum()) * float((parts[:, 1] ** 2).sum()))
    return min(1.0, max(0.0, float(parts[:, 0] @ parts[:, 1]) / spread)) if spread > 0 else 0.0
