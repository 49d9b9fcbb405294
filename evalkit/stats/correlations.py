"""Correlations and the area under a ROC curve with their intervals.

Pearson's is a function of sums, so every sample can be left out. Ranks are not: there the influences of the samples
are taken, which are to a statistic what scores are to their mean (the infinitesimal jackknife, Efron 1982). They hold
that a sample moves the ranks of all others, and take two sorts, whatever n.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core import Estimate
from evalkit.stats.bootstrap import FEWEST, is_values_only, too_few
from evalkit.stats.clusters import Spread, renumber, spread, sums
from evalkit.stats.intervals import quantile, score_interval
from evalkit.stats.jackknife import fishers_jackknife

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

_NEARLY_ONE = 1.0 - 1e-9


def pearson(x: FloatRows, y: FloatRows, clusters: IntArray | None = None, confidence: float = 0.95) -> Estimate:
    """Pearson's correlation of x and y (shape (n,)) by the jackknife on Fisher's scale; NaN where one of them does not
    vary, or would not without one of the samples (or clusters)."""
    n, u, v = len(x), _standard(x), _standard(y)
    if not u.any() or not v.any():
        return Estimate(math.nan, math.nan, math.nan, n, "undefined" if n else "n=0", confidence)
    _, count = renumber(clusters, n)
    value = min(1.0, max(-1.0, float((u @ v) / math.sqrt((u @ u) * (v @ v)))))
    why = "value only" if is_values_only() else too_few(count, n) if count < FEWEST else ""
    if why:
        return Estimate(value, math.nan, math.nan, n, why, confidence)
    rows = np.column_stack([np.ones(n), u, v, u * u, v * v, u * v])
    found = fishers_jackknife(rows, _pearson_of_sums, clusters, confidence, taken=2)
    return _unless_certain(replace(found, value=value))


def spearman(x: FloatRows, y: FloatRows, clusters: IntArray | None = None, confidence: float = 0.95) -> Estimate:
    """Spearman's rank correlation, ties at their middle rank: Pearson's correlation of the ranks. t on the
    influences, on Fisher's scale; NaN where one of them does not vary."""
    n, one, other = len(x), _Order.of(x), _Order.of(y)
    u, v = (order.below(np.ones(n)) / max(n, 1) - 0.5 for order in (one, other))
    square_u, square_v = float(u @ u), float(v @ v)
    if square_u == 0.0 or square_v == 0.0:
        return Estimate(math.nan, math.nan, math.nan, n, "undefined" if n else "n=0", confidence)
    scale = math.sqrt(square_u * square_v)
    value = min(1.0, max(-1.0, float(u @ v) / scale))
    # A sample that joins moves the place of every sample above it.
    of_product = n * u * v + one.above(v) + other.above(u)
    of_u, of_v = n * u * u + 2.0 * one.above(u), n * v * v + 2.0 * other.above(v)
    added = (of_product - of_product.mean()) / scale
    added -= value / 2.0 * ((of_u - of_u.mean()) / square_u + (of_v - of_v.mean()) / square_v)
    found = _spread(value, added, clusters)
    return _unknown(found, n, confidence) or _on_fishers_scale(found, n, confidence)


def auroc(
    values: FloatRows, positive: FloatRows, clusters: IntArray | None = None, confidence: float = 0.95
) -> Estimate:
    """The area under the ROC curve: how often a positive sample (1 in `positive`) has a higher value than another, ties
    counted half (Mann-Whitney); NaN where all samples are of one kind.

    A sample adds the part of the other kind's samples that it is told from (DeLong 1988). The interval is that of
    scores between 0 and 1, in which a sample that was not seen can be told from none.
    """
    n, ones = len(values), float(positive.sum())
    zeros = n - ones
    if n == 0 or ones == 0.0 or zeros == 0.0:
        return Estimate(math.nan, math.nan, math.nan, n, "undefined" if n else "n=0", confidence)
    order = _Order.of(values)
    below, above = order.below(1.0 - positive) / zeros, order.above(positive) / ones
    value = float((positive * below).sum()) / ones
    if min(ones, zeros) < 2.0:
        return Estimate(value, math.nan, math.nan, n, "one sample of a kind", confidence)
    # Each kind's spread is around its own mean, which takes a degree of freedom of its own.
    of_ones = (below - value) / math.sqrt(ones * (ones - 1.0))
    of_zeros = (above - value) / math.sqrt(zeros * (zeros - 1.0))
    found = _spread(value, np.asarray(n * np.where(positive > 0.0, of_ones, of_zeros)), clusters)
    parts = float((positive * of_ones**2).sum()), float(((1.0 - positive) * of_zeros**2).sum())
    exact = sum(parts) ** 2 / (parts[0] ** 2 / (ones - 1.0) + parts[1] ** 2 / (zeros - 1.0)) if sum(parts) else math.inf
    found = replace(found, freedom=min(found.freedom, exact))
    known = _unknown(found, n, confidence, at_an_end=value in (0.0, 1.0))
    if known is not None:
        return known
    unseen = n * (1.0 / ones + 1.0 / zeros) / 4.0
    made = score_interval(found, (0.0, 1.0), confidence, unseen=unseen, exact=True)
    return replace(made, how=f"{made.how.partition(',')[0]}, {_named(found)}")


class _Order:
    """The order of n values, for sums over the samples that lie below or above each one; a tie counts half."""

    def __init__(self, order: IntArray, starts: IntArray, group: IntArray) -> None:
        self._order, self._starts, self._group = order, starts, group

    @staticmethod
    def of(values: FloatRows) -> _Order:
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        new = np.concatenate([[True], ordered[1:] != ordered[:-1]]) if len(values) else np.zeros(0, bool)
        group = np.empty(len(values), np.int64)
        group[order] = np.cumsum(new) - 1
        return _Order(order, np.flatnonzero(new), group)

    def below(self, weights: FloatRows) -> FloatRows:
        """Σ of the weights (shape (n,)) of the samples below each one, and half of those at it."""
        if not len(weights):
            return np.zeros(0)
        at = np.add.reduceat(weights[self._order], self._starts)
        return np.asarray((np.cumsum(at) - at / 2.0)[self._group])

    def above(self, weights: FloatRows) -> FloatRows:
        """The same of the samples above each one."""
        return np.asarray(float(weights.sum()) - self.below(weights))


def _standard(values: FloatRows) -> FloatRows:
    """The values with mean 0 and a largest of 1, which keeps digits; all 0 where they differ by rounding alone."""
    if not len(values):
        return np.zeros(0)
    moved = values - values.mean()
    most = float(np.abs(moved).max())
    return moved / most if most > 1e-13 * float(np.abs(values).max()) else np.zeros(len(values))


def _pearson_of_sums(sums: FloatRows) -> FloatRows:
    n, u, v, uu, vv, uv = sums.T
    rest_u, rest_v = uu - u * u / n, vv - v * v / n
    # What rounding leaves of a constant is not a variation.
    varies = (rest_u > 1e-12 * uu) & (rest_v > 1e-12 * vv)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(varies, (uv - u * v / n) / np.sqrt(rest_u * rest_v), np.nan))


def _unless_certain(found: Estimate) -> Estimate:
    """Without bounds at ±1, where Fisher's scale ends: that nothing strays from a line does not say that nothing
    can."""
    if abs(found.value) < _NEARLY_ONE or not math.isfinite(found.low):
        return found
    return replace(found, low=math.nan, high=math.nan, how=f"{found.how}, nothing varies")


def _spread(value: float, added: FloatRows, clusters: IntArray | None) -> Spread:
    """The spread of a statistic from what each sample adds to it, whose mean is 0."""
    numbers, count = renumber(clusters, len(added))
    found = spread(sums(added, numbers, count), sums(np.ones(len(added)), numbers, count), len(added))
    return replace(found, value=value)


def _unknown(found: Spread, n: int, confidence: float, *, at_an_end: bool = False) -> Estimate | None:
    """The value without bounds, where nothing says how sure it is."""
    why = ""
    if is_values_only():
        why = "value only"
    elif found.count < FEWEST:
        why = too_few(found.count, n)
    elif found.variance == 0.0 and not at_an_end:
        why = f"{_named(found)}, nothing varies"
    return Estimate(found.value, math.nan, math.nan, n, why, confidence) if why else None


def _on_fishers_scale(found: Spread, n: int, confidence: float) -> Estimate:
    """t on the error of atanh(r), which bends less."""
    value, how = found.value, f"t on Fisher's scale, {_named(found)}"
    middle = math.atanh(min(max(value, -_NEARLY_ONE), _NEARLY_ONE))
    reach = quantile(confidence, found.freedom) * found.error / max(1.0 - value * value, 1.0 - _NEARLY_ONE)
    made = Estimate(value, math.tanh(middle - reach), math.tanh(middle + reach), n, how, confidence)
    return _unless_certain(made)


def _named(found: Spread) -> str:
    return "influences" if found.count == round(found.n) else f"influences of {found.count} clusters"
