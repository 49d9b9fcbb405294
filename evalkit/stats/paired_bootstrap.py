"""What a difference of rows' statistics is worth where no jackknife measures it: both runs resampled alike."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from evalkit.stats.bootstrap import FEWEST, too_few, values_only
from evalkit.stats.clusters import renumber
from evalkit.stats.verdict import Verdict

if TYPE_CHECKING:
    from evalkit.core import Estimate, FloatRows, IntArray


def paired_bootstrap(
    baseline: FloatRows,
    candidate: FloatRows,
    estimate: Callable[[FloatRows, IntArray], Estimate],
    clusters: IntArray | None = None,
    *,
    seed: int,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Verdict:
    """The difference of a metric's values over two sets of rows (both of shape (n, width)), by the paired bootstrap.

    Clusters are drawn with replacement, the same ones for both runs, so that what both found hard cancels. The
    interval is the percentile one, expanded to t's quantile and the sample variance (Hesterberg 2015), since the
    plain one is too narrow for few clusters. p is the proportion of resamples on the other side of zero, doubled, and
    at least 2/(resamples + 1). The same seed and rows give the same answer.

    `how` says so, and bounds are NaN, where the metric is not finite in some resample, where no resample differs from
    another, and for fewer than 5 clusters, of which there are too few different resamples.
    """
    n = len(baseline)
    numbers, count = renumber(clusters, n)
    if numbers is None:
        numbers = np.arange(n)
    with values_only():
        value = estimate(candidate, numbers).value - estimate(baseline, numbers).value
        if count < FEWEST:
            return Verdict.unknown(too_few(count, n), n, count, confidence, value)
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
        return Verdict.unknown(how, n, count, confidence, value)
    if float(drawn.min()) == float(drawn.max()):
        return Verdict.unknown(f"{how}, nothing varies", n, count, confidence, value)
    tail = expanded((1.0 - confidence) / 2.0, count)
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    beyond = min(int((drawn <= 0.0).sum()), int((drawn >= 0.0).sum()))
    p = min(1.0, 2.0 * (beyond + 1) / (resamples + 1))
    return Verdict(value, float(low), float(high), p, n, count, how, confidence)


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
