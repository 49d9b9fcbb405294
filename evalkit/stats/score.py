"""Score intervals for the difference of paired proportions: Tango 1998 and Newcombe 1998 (method 10), vectorised.

Both take counts of pairs: `gains` (0 then 1), `losses` (1 then 0) and `n` pairs in all. Tango's needs nothing else,
so counts may also be effective, fractional ones.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.core import FloatRows

_STEPS = 60


def tango_statistic(gains: FloatRows, losses: FloatRows, n: FloatRows, delta: FloatRows) -> FloatRows:
    """Tango's score statistic for a true difference of `delta`, standard normal where that is the truth.

    (gains - losses - n·δ) / √(n·(2·q + δ·(1 - δ))), with q the likelihood's estimate of the share of losses when the
    difference is δ: the larger root of 2n·q² + B·q + C = 0, B = δ(2n - gains + losses) - gains - losses and
    C = -losses·δ·(1 - δ). At δ = 0 it is McNemar's statistic without continuity correction.
    """
    gains, losses, n, delta = (np.asarray(value, dtype=np.float64) for value in (gains, losses, n, delta))
    linear = delta * (2.0 * n - gains + losses) - gains - losses
    constant = -losses * delta * (1.0 - delta)
    root = (np.sqrt(np.maximum(linear * linear - 8.0 * n * constant, 0.0)) - linear) / (4.0 * n)
    # Shares lie between 0 and 1: losses at least -δ, gains (root + δ) at least 0 and both at most 1 together.
    variance = np.maximum(n * (2.0 * root + delta * (1.0 - delta)), 0.0)
    distance = gains - losses - n * delta
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = distance / np.sqrt(variance)
    return np.where(np.abs(distance) <= 1e-12 * n, 0.0, statistic)


def tango(gains: FloatRows, losses: FloatRows, n: FloatRows, quantile: FloatRows) -> tuple[FloatRows, FloatRows]:
    """The differences that Tango's statistic does not reject at ±`quantile` (the normal's, or t's), by bisection.

    Arrays of one shape (or numbers) give arrays of that shape, to about 1e-12. The bounds lie within [-1, 1].
    """
    shape = np.broadcast_shapes(*(np.shape(value) for value in (gains, losses, n, quantile)))
    centre = np.broadcast_to((np.asarray(gains) - losses) / n, shape).astype(np.float64)
    bounds: list[FloatRows] = []
    for side in (-1.0, 1.0):
        inside, outside = centre.copy(), np.full(shape, side)
        for _ in range(_STEPS):
            middle = (inside + outside) / 2.0
            kept = np.abs(tango_statistic(gains, losses, n, middle)) <= quantile
            inside, outside = np.where(kept, middle, inside), np.where(kept, outside, middle)
        bounds.append(inside)
    return bounds[0], bounds[1]


def newcombe(both: int, losses: int, gains: int, neither: int, quantile: float) -> tuple[float, float]:
    """Newcombe's interval for paired proportions: two Wilson intervals, put together with the pairs' correlation.

    `both` are right twice, `losses` right then wrong, `gains` wrong then right, `neither` wrong twice. The
    difference is that of the second share less the first. Method 10 of Newcombe 1998, φ corrected for continuity.
    """
    from evalkit.stats.intervals import wilson

    n = both + losses + gains + neither
    before, after = (both + losses) / n, (both + gains) / n
    low_before, high_before = wilson(before, n, quantile)
    low_after, high_after = wilson(after, n, quantile)
    margins = (both + losses) * (gains + neither) * (both + gains) * (losses + neither)
    cross = both * neither - losses * gains
    if cross > 0:
        cross = max(cross - n / 2, 0)  # type: ignore[assignment]
    phi = 0.0 if margins == 0 else cross / math.sqrt(margins)
    difference = after - before

    def reach(first: float, second: float) -> float:
        return math.sqrt(max(first * first - 2.0 * phi * first * second + second * second, 0.0))

    low = difference - reach(after - low_after, high_before - before)
    high = difference + reach(high_after - after, before - low_before)
    return max(low, -1.0), min(high, 1.0)
