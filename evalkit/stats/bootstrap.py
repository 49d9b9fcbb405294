"""The cluster bootstrap of any statistic: seeded, vectorised over resamples, bounded in memory and time.

For what a jackknife does not measure, such as the best of several thresholds, and for rank correlations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from evalkit.core import Estimate
from evalkit.stats.clusters import renumber, sums
from evalkit.stats.intervals import FEW_CLUSTERS

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

Statistic: TypeAlias = "Callable[[FloatRows, FloatRows], FloatRows]"
"""(sums of rows of shape (r, width), numbers of samples of shape (r,)) to r values."""
OfTimes: TypeAlias = "Callable[[FloatRows], FloatRows]"
"""How often each of G clusters was drawn, shape (r, G), to r values."""

FEWEST = 5
"""Fewer clusters than this are not resampled, nor left out one by one: of 4 there are 35 different resamples."""
MOST_UNITS = 10_000
"""More clusters than this are drawn as this many random groups of clusters, so that a million samples stay fast."""
_CHUNK_CELLS = 4_000_000
_VALUES_ONLY: ContextVar[bool] = ContextVar("values_only", default=False)


@contextmanager
def values_only() -> Iterator[None]:
    """Within it intervals by resampling draw nothing and leave their bounds NaN.

    A jackknife around a metric that bootstraps its own interval would otherwise draw thousands of times thousands.
    """
    token = _VALUES_ONLY.set(True)
    try:
        yield
    finally:
        _VALUES_ONLY.reset(token)


def is_values_only() -> bool:
    """Whether values alone are asked for."""
    return _VALUES_ONLY.get()


def bootstrap_interval(
    rows: FloatRows,
    statistic: Statistic,
    clusters: IntArray | None = None,
    *,
    seed: int,
    resamples: int = 2000,
    confidence: float = 0.95,
    pushed: bool = False,
) -> Estimate:
    """`statistic` of the sums of `rows` (shape (n, width)) with its bootstrap interval over clusters.

    Clusters are drawn with replacement, so only their sums are needed: the sums of a resample are the number of times
    each cluster was drawn times its sums, one matrix product for many resamples. See `resampled` for the interval.
    """
    n = len(rows)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0, "n=0", confidence)
    numbers, count = renumber(clusters, n)
    units, how = units_of(rows, numbers, count, seed)

    def of_times(times: FloatRows) -> FloatRows:
        return apply(statistic, times @ units)

    without = apply(statistic, units.sum(axis=0) - units) if FEWEST <= count < FEW_CLUSTERS else None
    return resampled(
        of_times,
        len(units),
        n,
        how,
        without=None if pushed else without,
        seed=seed,
        resamples=resamples,
        confidence=confidence,
        pushed=pushed,
    )


def resampled(
    of_times: OfTimes,
    count: int,
    n: int,
    how: str,
    *,
    without: FloatRows | None,
    seed: int,
    resamples: int,
    confidence: float,
    cells: int = _CHUNK_CELLS,
    pushed: bool = False,
) -> Estimate:
    """The value where each of `count` clusters is there once, with its percentile interval.

    With `without`, the values without each cluster, it is bias-corrected and accelerated (BCa, Efron 1987), as it
    should be under 50 clusters. `pushed` takes the hull of the percentile and the basic interval, for a statistic that
    chance pushes to one side, such as a largest value or a sum of absolute ones. The same seed gives the same
    interval. `cells` bounds the size of what is drawn at once. The bounds are NaN for fewer than five clusters, where
    the value is not finite in some resample, and where nothing varies.
    """
    value = float(of_times(np.ones((1, count)))[0])

    def unknown(why: str) -> Estimate:
        return Estimate(value, math.nan, math.nan, n, why, confidence)

    if is_values_only():
        return unknown("value only")
    if not math.isfinite(value):
        return unknown("undefined")
    if count < FEWEST:
        return unknown(too_few(count, n))
    drawn = _drawn(of_times, count, seed, resamples, cells)
    broken = int((~np.isfinite(drawn)).sum())
    if broken:
        return unknown(f"{how}, undefined in {broken} of {resamples} resamples")
    if float(drawn.min()) == float(drawn.max()):
        return unknown(f"{how}, nothing varies")
    tails = ((1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0)
    if without is not None:
        tails = _bca_tails(drawn, value, without, tails)
        how += ", BCa"
    low, high = np.quantile(drawn, tails)
    if pushed:
        low, high = min(low, 2.0 * value - high), max(high, 2.0 * value - low)
        how += ", both ways"
    return Estimate(value, float(low), float(high), n, how, confidence)


def too_few(count: int, n: int) -> str:
    """Why so few clusters have no interval."""
    if count == 1:
        return "n=1" if n == 1 else "one cluster"
    return f"too few to resample: {count} {'samples' if count == n else 'clusters'}"


def units_of(rows: FloatRows, numbers: IntArray | None, count: int, seed: int) -> tuple[FloatRows, str]:
    """(sums of the rows and number of samples of every unit to draw, how). Units are clusters, or, of more than 10,000,
    random groups of clusters.

    Groups of independent clusters are independent too, so the spread between them measures the same variance (the
    random groups method, Wolter 2007, ch. 2); 10,000 groups measure it to within 1 %.
    """
    n = len(rows)
    units = np.column_stack([sums(rows, numbers, count), sums(np.ones(n), numbers, count)])
    how = "bootstrap" if numbers is None else f"bootstrap, {count} clusters"
    if count <= MOST_UNITS:
        return units, how
    order = np.random.default_rng(seed).permutation(count)
    grouped = sums(units[order], np.arange(count) * MOST_UNITS // count, MOST_UNITS)
    return grouped, f"{how} in {MOST_UNITS} random groups"


def apply(statistic: Statistic, units: FloatRows) -> FloatRows:
    """The statistic of every row of units."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(statistic(units[:, :-1], units[:, -1]), dtype=np.float64)


def _drawn(of_times: OfTimes, count: int, seed: int, resamples: int, cells: int) -> FloatRows:
    rng = np.random.default_rng(seed)
    chunk = max(1, min(resamples, cells // count))
    drawn: list[FloatRows] = []
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        picks = rng.integers(count, size=(size, count))
        # One bincount for the whole chunk: each resample has its own stretch of `count` bins.
        picks += np.arange(size)[:, None] * count
        times = np.bincount(picks.ravel(), minlength=size * count).reshape(size, count)
        drawn.append(of_times(times.astype(np.float64)))
    return np.concatenate(drawn)


def _bca_tails(drawn: FloatRows, value: float, without: FloatRows, tails: tuple[float, float]) -> tuple[float, float]:
    """The percentiles to read in place of `tails`: corrected for bias and for skewness (by the jackknife)."""
    from scipy import special

    below = float((drawn < value).mean() + (drawn == value).mean() / 2.0)
    deviations = without.mean() - without
    spread = float((deviations**2).sum())
    if not 0.0 < below < 1.0 or spread == 0.0 or not np.isfinite(without).all():
        return tails
    bias = float(special.ndtri(below))
    skew = float((deviations**3).sum()) / (6.0 * spread**1.5)
    shifted = [bias + float(special.ndtri(tail)) for tail in tails]
    low, high = (float(special.ndtr(bias + z / (1.0 - skew * z))) for z in shifted)
    return low, high
