"""The cluster bootstrap of any statistic of sums: seeded, vectorised over resamples, bounded in memory and time."""

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

MOST_UNITS = 10_000
"""More clusters than this are drawn as this many random groups of clusters, so that a million samples stay fast."""
_CHUNK_CELLS = 4_000_000
_VALUES_ONLY: ContextVar[bool] = ContextVar("values_only", default=False)


@contextmanager
def values_only() -> Iterator[None]:
    """Within it `bootstrap_interval` draws nothing and leaves its bounds NaN.

    A bootstrap around a metric that bootstraps its own interval would otherwise draw thousands of times thousands.
    """
    token = _VALUES_ONLY.set(True)
    try:
        yield
    finally:
        _VALUES_ONLY.reset(token)


def bootstrap_interval(
    rows: FloatRows,
    statistic: Statistic,
    clusters: IntArray | None = None,
    *,
    seed: int,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> Estimate:
    """`statistic` of the sums of `rows` (shape (n, width)) with its bootstrap interval over clusters.

    Clusters are drawn with replacement, so only their sums are needed: the sums of a resample are the number of
    times each cluster was drawn times its sums, one matrix product for many resamples. The interval is the
    percentile one; under 50 clusters it is bias-corrected and accelerated (BCa, Efron 1987). The same seed and
    rows give the same interval.

    The bounds are NaN for fewer than two clusters, and where the statistic is not finite in some resample.
    """
    n = len(rows)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0, "n=0", confidence)
    numbers, count = renumber(clusters, n)
    units = np.column_stack([sums(rows, numbers, count), sums(np.ones(n), numbers, count)])
    total = units.sum(axis=0)
    value = float(_apply(statistic, total[None, :])[0])
    if count < 2:
        return Estimate(value, math.nan, math.nan, n, "n=1" if n == 1 else "one cluster", confidence)
    if _VALUES_ONLY.get():
        return Estimate(value, math.nan, math.nan, n, "value only", confidence)
    rng = np.random.default_rng(seed)
    how = "bootstrap" if numbers is None else f"bootstrap, {count} clusters"
    if count > MOST_UNITS:
        units = _grouped(units, rng)
        how += f" in {MOST_UNITS} random groups"
    drawn = _resample(units, statistic, rng, resamples)
    broken = int((~np.isfinite(drawn)).sum())
    if broken:
        how += f", undefined in {broken} of {resamples} resamples"
        return Estimate(value, math.nan, math.nan, n, how, confidence)
    tails = ((1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0)
    if count < FEW_CLUSTERS:
        tails = _bca_tails(drawn, value, _apply(statistic, total - units), tails)
        how += ", BCa"
    low, high = np.quantile(drawn, tails)
    return Estimate(value, float(low), float(high), n, how, confidence)


def _apply(statistic: Statistic, units: FloatRows) -> FloatRows:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(statistic(units[:, :-1], units[:, -1]), dtype=np.float64)


def _grouped(units: FloatRows, rng: np.random.Generator) -> FloatRows:
    """Clusters summed into random groups of (nearly) one size.

    Groups of independent clusters are independent too, so the spread between them measures the same variance (the
    random groups method, Wolter 2007, ch. 2); 10,000 groups measure it to within 1 %.
    """
    order = rng.permutation(len(units))
    return sums(units[order], np.arange(len(units)) * MOST_UNITS // len(units), MOST_UNITS)


def _resample(units: FloatRows, statistic: Statistic, rng: np.random.Generator, resamples: int) -> FloatRows:
    count = len(units)
    chunk = max(1, min(resamples, _CHUNK_CELLS // count))
    drawn: list[FloatRows] = []
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        picks = rng.integers(count, size=(size, count))
        # One bincount for the whole chunk: each resample has its own stretch of `count` bins.
        picks += np.arange(size)[:, None] * count
        times = np.bincount(picks.ravel(), minlength=size * count).reshape(size, count)
        drawn.append(_apply(statistic, times.astype(np.float64) @ units))
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
