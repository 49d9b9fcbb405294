"""The bootstrap of statistics that are no function of sums, such as rank correlations: samples as weights.

A resample says how often each sample was drawn; with these numbers as weights, ranks need no new sort: the rank of a
value is the weight below it plus the middle of the weight at it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from evalkit.core import Estimate
from evalkit.stats.bootstrap import FEWEST, is_values_only, resampled
from evalkit.stats.clusters import renumber
from evalkit.stats.intervals import FEW_CLUSTERS

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

Weighted: TypeAlias = "Callable[[FloatRows], FloatRows]"
"""Weights of shape (r, n) to r values."""

_CHUNK_CELLS = 1_000_000
_MOST_CELLS = 200_000_000
_FEWEST = 200


def weighted_interval(
    statistic: Weighted,
    n: int,
    clusters: IntArray | None = None,
    *,
    seed: int,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> Estimate:
    """The statistic of n samples with its bootstrap interval over clusters (percentile; BCa under 50 clusters).

    From 100,000 samples on there are fewer resamples, down to 200. The bounds are NaN as `bootstrap.resampled` says.
    """
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0, "n=0", confidence)
    numbers, count = renumber(clusters, n)

    def of_times(times: FloatRows) -> FloatRows:
        return _apply(statistic, times if numbers is None else times[:, numbers])

    without = of_times(1.0 - np.eye(count)) if FEWEST <= count < FEW_CLUSTERS and not is_values_only() else None
    return resampled(
        of_times,
        count,
        n,
        "bootstrap" if numbers is None else f"bootstrap, {count} clusters",
        without=without,
        seed=seed,
        resamples=max(min(resamples, _FEWEST), min(resamples, _MOST_CELLS // n)),
        confidence=confidence,
        cells=max(count, _CHUNK_CELLS * count // n),
    )


def _apply(statistic: Weighted, weights: FloatRows) -> FloatRows:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(statistic(weights), dtype=np.float64)


def pearson(x: FloatRows, y: FloatRows) -> Weighted:
    """Pearson's correlation of x and y (shape (n,)); NaN where one of them does not vary."""

    scales = float(np.abs(x).max()), float(np.abs(y).max())
    # Moving the origin keeps digits where values are large and vary little.
    x, y = x - x.mean(), y - y.mean()

    def statistic(weights: FloatRows) -> FloatRows:
        return _correlation(weights, x, y, scales)

    return statistic


def spearman(x: FloatRows, y: FloatRows) -> Weighted:
    """Spearman's rank correlation, ties at their middle rank: Pearson's correlation of the ranks."""
    of_x, of_y = _midranks(x), _midranks(y)

    def statistic(weights: FloatRows) -> FloatRows:
        return _correlation(weights, of_x(weights), of_y(weights), (1.0, 1.0))

    return statistic


def auroc(values: FloatRows, positive: FloatRows) -> Weighted:
    """The area under the ROC curve: how often a positive sample (1 in `positive`) has a higher value than another,
    ties counted half (Mann-Whitney); NaN where all samples are of one kind."""
    ranks = _midranks(values)

    def statistic(weights: FloatRows) -> FloatRows:
        right = weights * positive
        ones = right.sum(axis=1)
        zeros = weights.sum(axis=1) - ones
        above = (right * ranks(weights)).sum(axis=1) - ones * (ones + 1.0) / 2.0
        return np.asarray(above / (ones * zeros))

    return statistic


def _midranks(values: FloatRows) -> Weighted:
    """Weights of shape (r, n) to the samples' middle ranks (from 1) among samples that are there so often."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    group = np.empty(len(values), np.int64)
    group[order] = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(values))))

    def ranks(weights: FloatRows) -> FloatRows:
        at = np.add.reduceat(weights[:, order], starts, axis=1)
        middle = np.cumsum(at, axis=1) - at / 2.0 + 0.5
        return np.asarray(middle[:, group])

    return ranks


def _correlation(weights: FloatRows, x: FloatRows, y: FloatRows, scales: tuple[float, float]) -> FloatRows:
    """The weighted correlation; x and y have shape (n,) or (r, n), `scales` says how large their numbers were."""
    total = weights.sum(axis=1, keepdims=True)
    dx = x - (weights * x).sum(axis=1, keepdims=True) / total
    dy = y - (weights * y).sum(axis=1, keepdims=True) / total
    spread_x, spread_y = (weights * dx * dx).sum(axis=1), (weights * dy * dy).sum(axis=1)
    # What rounding leaves of a constant is no variation.
    flat = np.zeros(len(weights), bool)
    for spread, scale in ((spread_x, scales[0]), (spread_y, scales[1])):
        flat |= spread <= total[:, 0] * (1e-13 * scale) ** 2
    product = np.where(flat, 1.0, np.sqrt(spread_x) * np.sqrt(spread_y))
    return np.where(flat, math.nan, np.clip((weights * dx * dy).sum(axis=1) / product, -1.0, 1.0))
