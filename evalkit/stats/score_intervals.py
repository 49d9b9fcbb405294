"""Score intervals for the difference of paired proportions: Tango 1998, and its refinement.

They take counts of pairs: `gains` (0 then 1), `losses` (1 then 0) and `n` pairs in all. Counts may also be effective,
fractional ones. Everything is vectorised: arrays that broadcast together give arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.core import FloatRows

_STEPS = 48
"""Halvings of an interval at most 2 wide: the bounds are right to 1e-14."""


def tango_statistic(
    gains: FloatRows, losses: FloatRows, n: FloatRows, delta: FloatRows, *, shift: float = 0.0, skewness: float = 0.0
) -> FloatRows:
    """Tango's score statistic for a true difference of `delta`, standard normal where that is the truth.

    (gains - losses - n·δ) / √(n·(2·q + δ - δ²)), with q the likelihood's estimate of the proportion of losses when the
    difference is δ: the larger root of 2n·q² + B·q + C = 0, B = δ(2n - gains + losses) - gains - losses and
    C = -losses·δ·(1 - δ). At δ = 0 it is McNemar's statistic without continuity correction.

    `shift` takes that many pairs off the numerator (a continuity correction). `skewness` = 1 corrects for the third
    moment of a pair's difference, as Laud 2017 does for rates: the root z of T = z + γ/6·(z² - 1), where
    γ = (δ - 3δ·(2q + δ) + 2δ³)/σ³/√n; 0 leaves it out.
    """
    gains, losses, n, delta = (np.asarray(value, dtype=np.float64) for value in (gains, losses, n, delta))
    linear = delta * (2.0 * n - gains + losses) - gains - losses
    root = (np.sqrt(np.maximum(linear * linear + 8.0 * n * losses * delta * (1.0 - delta), 0.0)) - linear) / (4.0 * n)
    proportion = np.maximum(root, np.maximum(0.0, -delta))
    second = 2.0 * proportion + delta
    variance = np.maximum(second - delta * delta, 0.0)
    distance = gains - losses - n * delta
    # What is zero but for rounding stays zero, also where the variance is.
    distance = np.where(np.abs(distance) <= 1e-12 * n, 0.0, distance)
    distance = np.sign(distance) * np.maximum(np.abs(distance) - shift, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(distance == 0.0, 0.0, distance / np.sqrt(n * variance))
        if skewness == 0.0:
            return statistic
        third = delta - 3.0 * delta * second + 2.0 * delta**3
        k = np.where(variance > 0.0, skewness * third / variance**1.5 / np.sqrt(n) / 6.0, 0.0)
        corrected = (np.sqrt(np.maximum(1.0 + 4.0 * k * (k + statistic), 0.0)) - 1.0) / (2.0 * k)
    return np.where((np.abs(k) < 1e-9) | ~np.isfinite(statistic), statistic, corrected)


def tango(
    gains: FloatRows,
    losses: FloatRows,
    n: FloatRows,
    quantile: FloatRows,
    *,
    shift: float = 0.0,
    skewness: float = 0.0,
) -> tuple[FloatRows, FloatRows]:
    """The differences that the statistic does not reject at ±`quantile` (the normal's, or t's), by bisection.

    `shift` and `skewness` are those of `tango_statistic`; without them this is Tango's interval. The bounds lie within
    [-1, 1] and hold the difference that was observed.
    """
    shape = np.broadcast_shapes(*(np.shape(value) for value in (gains, losses, n, quantile)))
    centre = np.broadcast_to((np.asarray(gains) - losses) / n, shape).astype(np.float64)
    bounds: list[FloatRows] = []
    for side in (-1.0, 1.0):
        inside, outside = centre.copy(), np.full(shape, side)
        for _ in range(_STEPS):
            middle = (inside + outside) / 2.0
            found = tango_statistic(gains, losses, n, middle, shift=shift, skewness=skewness)
            kept = np.abs(found) <= quantile
            inside, outside = np.where(kept, middle, inside), np.where(kept, outside, middle)
        bounds.append(inside)
    return bounds[0], bounds[1]
