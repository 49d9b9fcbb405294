"""How far raters agree beyond chance: Cohen's κ and Krippendorff's α, with jackknife intervals over clusters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.core import Estimate
from evalkit.stats.intervals import mean_interval, ratio_interval
from evalkit.stats.jackknife import fishers_jackknife

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

Weights = Literal["none", "linear", "quadratic"]
Level = Literal["nominal", "ordinal", "interval"]

FEW = 10
"""With fewer disagreements than this, or one of two categories given less often, the table's own spread says too
little and the interval is put together from exact ones."""


def cohen_kappa(
    one: Sequence[float] | NDArray[Any],
    two: Sequence[float] | NDArray[Any],
    *,
    weights: Weights = "none",
    clusters: IntArray | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """κ = 1 - Σ w·observed / Σ w·expected of two raters over n items (Cohen 1960, 1968), with its interval.

    Categories are the sorted values that either rater gave; `weights` are their distances as places in that order. The
    value is NaN where both raters always gave one and the same category: chance alone would agree.
    """
    labels, cells = _cells(one, two)
    size = len(labels)
    cost = _costs(size, weights)

    def statistic(table: FloatRows) -> FloatRows:
        square = table.reshape(-1, size, size)
        n = square.sum((1, 2))
        expected = square.sum(2)[:, :, None] * square.sum(1)[:, None, :] / n[:, None, None]
        return np.asarray(1.0 - (square * cost).sum((1, 2)) / (expected * cost).sum((1, 2)))

    rows = np.zeros((len(cells), size * size))
    rows[np.arange(len(cells)), cells] = 1.0
    found = fishers_jackknife(rows, statistic, clusters, confidence)
    if not _is_sparse(rows.sum(0), size):
        return found
    if weights != "none":
        table = rows.sum(0).reshape(size, size)
        expected = float((np.outer(table.sum(1), table.sum(0)) * cost).sum()) / len(cells) ** 2
        return _by_ends(found, cost.ravel()[cells], np.ones(len(cells)), expected, float(cost.max()), clusters)
    proportions = [(cells % size).astype(np.float64), (cells // size).astype(np.float64)] if size == 2 else []
    square = rows.sum(0).reshape(size, size)
    apart = (cells % size != cells // size).astype(np.float64)
    return _exact(found, apart, square.sum(0) + square.sum(1), proportions, clusters)


def krippendorff_alpha(
    ratings: FloatRows, *, level: Level = "nominal", clusters: IntArray | None = None, confidence: float = 0.95
) -> Estimate:
    """α = 1 - D_observed / D_expected of any number of raters (Krippendorff 2011), with its interval over units.

    `ratings` has shape (raters, units), NaN where a rater gave none; a unit with fewer than two ratings says nothing.
    The value is NaN where all ratings are one value.
    """
    given = np.asarray(ratings, dtype=np.float64)
    kept = np.isfinite(given).sum(0) >= 2
    given = given[:, kept]
    values = np.unique(given[np.isfinite(given)])
    size = len(values)
    if size == 0:
        return Estimate(math.nan, math.nan, math.nan, 0, "n=0", confidence)
    rows = _coincidences(given, values)
    inside = None if clusters is None else np.asarray(clusters)[kept]

    def statistic(table: FloatRows) -> FloatRows:
        square = table.reshape(-1, size, size)
        margins = square.sum(2)
        n = margins.sum(1)
        cost = _distances(values, margins, level)
        expected = margins[:, :, None] * margins[:, None, :]
        return np.asarray(1.0 - (n - 1) * (square * cost).sum((1, 2)) / (expected * cost).sum((1, 2)))

    found = fishers_jackknife(rows, statistic, inside, confidence)
    square = rows.sum(0).reshape(size, size)
    if not _is_sparse(rows.sum(0), size):
        return found
    if level != "nominal":
        cost = _distances(values, square.sum(1)[None], level)[0]
        weights, margins = rows.sum(1), square.sum(1)
        expected = float((np.outer(margins, margins) * cost).sum()) / (margins.sum() * (margins.sum() - 1.0))
        return _by_ends(found, rows @ cost.ravel() / weights, weights, expected, float(cost.max()), inside)
    apart = np.array([len(set(unit[np.isfinite(unit)].tolist())) > 1 for unit in given.T], dtype=np.float64)
    proportions = [(np.where(np.isfinite(one), one, values[0]) == values[1]).astype(np.float64) for one in given]
    return _exact(found, apart, square.sum(1), proportions if size == 2 else [], inside)


def _cells(one: Sequence[float] | NDArray[Any], two: Sequence[float] | NDArray[Any]) -> tuple[FloatRows, IntArray]:
    first, second = np.asarray(one, dtype=np.float64), np.asarray(two, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"two raters of the same items are needed, found {first.shape} and {second.shape}")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("a rating is not a number")
    labels, codes = np.unique(np.concatenate([first, second]), return_inverse=True)
    return labels, codes[: len(first)] * len(labels) + codes[len(first) :]


def _costs(size: int, weights: Weights) -> FloatRows:
    gap = np.abs(np.arange(size)[:, None] - np.arange(size)[None, :]).astype(np.float64)
    cost: FloatRows = gap if weights == "linear" else gap**2 if weights == "quadratic" else np.minimum(gap, 1.0)
    return cost


def _coincidences(given: FloatRows, values: FloatRows) -> FloatRows:
    """One row a unit: its ordered pairs of ratings by value, each worth 1 / (ratings - 1)."""
    counts = np.stack([(given == value).sum(0) for value in values], axis=1).astype(np.float64)
    pairs = counts[:, :, None] * counts[:, None, :]
    place = np.arange(len(values))
    pairs[:, place, place] -= counts
    scaled: FloatRows = pairs / (counts.sum(1) - 1.0)[:, None, None]
    return scaled.reshape(len(counts), -1)


def _distances(values: FloatRows, margins: FloatRows, level: Level) -> FloatRows:
    """Squared distances, shape (r, k, k): ordinal ones depend on how often the values between were given."""
    if level == "nominal":
        return (1.0 - np.eye(len(values)))[None]
    if level == "interval":
        return ((values[:, None] - values[None, :]) ** 2)[None]
    below = np.cumsum(margins, axis=1) - margins / 2.0
    squared: FloatRows = (below[:, :, None] - below[:, None, :]) ** 2
    return squared


def _is_sparse(total: FloatRows, size: int) -> bool:
    square = total.reshape(size, size)
    apart = float(square.sum() - np.trace(square))
    rare = float(min(square.sum(0).min(), square.sum(1).min())) if size == 2 else FEW
    return size > 1 and (apart < FEW or rare < FEW)


def _exact(
    found: Estimate, apart: FloatRows, margins: FloatRows, proportions: Sequence[FloatRows], clusters: IntArray | None
) -> Estimate:
    """The hull of 1 - observed / expected disagreement over the intervals of both: that of the proportion of items with
    a disagreement and, of two categories, those of each rater's proportion of one (of more: as they were given)."""
    if not math.isfinite(found.value):
        return found
    observed = mean_interval(apart, clusters, found.confidence)
    mean = margins / margins.sum()
    least = most = 1.0 - float((mean**2).sum())
    if proportions:
        ends = [mean_interval(rater, clusters, found.confidence) for rater in proportions]
        low, high = min(end.low for end in ends), max(end.high for end in ends)
        least = min(2 * low * (1 - low), 2 * high * (1 - high))
        most = 0.5 if low < 0.5 < high else max(2 * low * (1 - low), 2 * high * (1 - high))
    low = max(-1.0, 1.0 - observed.high / least) if least > 0 else -1.0
    high = min(1.0, 1.0 - observed.low / most)
    how = "hull of exact intervals" if observed.how.startswith("exact") else f"hull of intervals ({observed.how})"
    return replace(found, low=min(low, found.value), high=max(high, found.value), how=how)


def _by_ends(
    found: Estimate, apart: FloatRows, weights: FloatRows, expected: float, most: float, clusters: IntArray | None
) -> Estimate:
    """The hull of the jackknife and of 1 - observed / expected disagreement over the interval of the observed one.

    `apart` is every unit's disagreement, of `most` at most: a mean on a scale with ends, in which a unit that was not
    seen can be as far apart as there is. Near agreement the jackknife sees next to no disagreement and calls it
    certain.
    """
    if not math.isfinite(found.value):
        return found
    observed = ratio_interval(apart * weights, weights, clusters, found.confidence, ends=(0.0, most))
    if not math.isfinite(observed.low):
        return found
    lows = [max(-1.0, 1.0 - observed.high / expected), found.low, found.value]
    highs = [min(1.0, 1.0 - observed.low / expected), found.high, found.value]
    low, high = min(filter(math.isfinite, lows)), max(filter(math.isfinite, highs))
    return replace(found, low=low, high=high, how=f"hull of the jackknife and {observed.how}")
