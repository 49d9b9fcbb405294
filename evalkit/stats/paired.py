"""The mean difference of paired scores with its interval and p, and what a difference of rows' statistics is worth."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.stats.bootstrap import values_only
from evalkit.stats.clusters import renumber
from evalkit.stats.difference import bounds, form, p_value
from evalkit.stats.moments import moments

if TYPE_CHECKING:
    from evalkit.core import Estimate, FloatRows, IntArray

FEWEST = 5
"""Fewer clusters than this are not resampled: of 4 there are 35 different resamples."""


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
    baseline: FloatRows,
    candidate: FloatRows,
    clusters: IntArray | None = None,
    confidence: float = 0.95,
    *,
    strict: bool = False,
) -> Difference:
    """The mean of candidate - baseline (both of shape (n,)) with its interval.

    The forms are those of `evalkit.stats.difference.bounds`: a score interval for scores within [0, 1], also with
    clusters and for averages over repeats; t on the cluster-robust error for any other scale. `strict` bounds err no
    more often than they say, each by itself, as decisions need; the others cover what they say as nearly as can be.
    Raises ValueError where shapes differ or a value is not finite.
    """
    before, after = np.asarray(baseline, dtype=np.float64), np.asarray(candidate, dtype=np.float64)
    if before.shape != after.shape or before.ndim != 1:
        raise ValueError(f"pairs need two arrays of one shape (n,), found {before.shape} and {after.shape}")
    if not (np.isfinite(before).all() and np.isfinite(after).all()):
        raise ValueError("a value is not finite")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1, found {confidence}")
    if len(before) == 0:
        return Difference(math.nan, math.nan, math.nan, math.nan, 0, 0, "n=0", confidence)
    found = moments(before, after, clusters)
    low, high = bounds(found, (1.0 - confidence) / 2.0, strict=strict)
    return Difference(
        float((after - before).mean()),
        float(low),
        float(high),
        float(p_value(found, strict=strict)),
        len(before),
        int(found.clusters),
        form(found, strict=strict),
        confidence,
    )


def paired_bootstrap(
    baseline: FloatRows,
    candidate: FloatRows,
    estimate: Callable[[FloatRows, IntArray], Estimate],
    clusters: IntArray | None = None,
    *,
    seed: int,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Difference:
    """The difference of a metric's values over two sets of rows (both of shape (n, width)), by the paired bootstrap.

    Clusters are drawn with replacement, the same ones for both runs, so that what both found hard cancels. The
    interval is the percentile one, expanded to t's quantile and the sample variance (Hesterberg 2015), since the
    plain one is too narrow for few clusters. p is the proportion of resamples on the other side of zero, doubled, and
    at least 2/(resamples + 1). The same seed and rows give the same answer.

    `how` says so, and bounds are NaN, where the metric is not finite in some resample or there are fewer than 5
    clusters, of which there are too few different resamples.
    """
    n = len(baseline)
    numbers, count = renumber(clusters, n)
    if numbers is None:
        numbers = np.arange(n)
    with values_only():
        value = estimate(candidate, numbers).value - estimate(baseline, numbers).value
        if count < FEWEST:
            how = f"too few to resample: {count} {'samples' if count == n else 'clusters'}"
            return Difference(value, math.nan, math.nan, math.nan, n, count, how, confidence)
        drawn = np.empty(resamples)
        order = np.argsort(numbers, kind="stable")
        starts = np.searchsorted(numbers[order], np.arange(count + 1))
        rng = np.random.default_rng(seed)
        for i in range(resamples):
            rows, drawn_numbers = _picked(order, starts, rng.integers(count, size=count))
            after, before = estimate(candidate[rows], drawn_numbers), estimate(baseline[rows], drawn_numbers)
            drawn[i] = after.value - before.value
    how = "paired bootstrap" + ("" if count == n else f", {count} clusters")
    broken = int((~np.isfinite(drawn)).sum())
    if broken or not math.isfinite(value):
        how += f", undefined in {broken} of {resamples} resamples"
        return Difference(value, math.nan, math.nan, math.nan, n, count, how, confidence)
    tail = expanded((1.0 - confidence) / 2.0, count)
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    beyond = min(int((drawn <= 0.0).sum()), int((drawn >= 0.0).sum()))
    p = min(1.0, 2.0 * (beyond + 1) / (resamples + 1))
    return Difference(value, float(low), float(high), p, n, count, how, confidence)


def _picked(order: IntArray, starts: IntArray, picks: IntArray) -> tuple[IntArray, IntArray]:
    """The rows of the clusters drawn, and new numbers for them: a cluster drawn twice counts as two."""
    sizes = (starts[1:] - starts[:-1])[picks]
    ends = np.cumsum(sizes)
    numbers = np.repeat(np.arange(len(picks)), sizes)
    within = np.arange(int(ends[-1])) - np.repeat(ends - sizes, sizes)
    return order[starts[picks][numbers] + within], numbers


def expanded(tail: float, count: int) -> float:
    """The tail of a percentile interval over `count` clusters, widened to t's quantile and the sample variance."""
    from scipy import special

    return float(special.ndtr(np.sqrt(count / (count - 1.0)) * special.stdtrit(count - 1, tail)))
