"""The mean of a whole set from a subset of its samples, with what stored runs let one expect of the others.

The target is the value that a run of all samples would have. Every sample has an expected score g, and the mean is
that of all g plus what the asked samples' scores differ from theirs (a difference estimator with a control variate;
Särndal, Swensson & Wretman 1992). It is right whatever g is: g only decides how wide the interval is. The asked samples
are a stratified random sample without replacement, of a set that is known to be finite.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core import Estimate
from evalkit.stats.clusters import Spread
from evalkit.stats.difference import bounds
from evalkit.stats.intervals import score_interval, t_interval
from evalkit.stats.moments import Moments
from evalkit.stats.subset_design import StoredScores, SubsetDesign

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

_FOLDS = 5
_PENALTY = 0.05
"""Of the ridge regression on stored scores, a sample: it keeps as many coefficients as there are runs small."""
_HELPS = 0.95
"""A control variate is taken where it leaves less than this part of the variance."""


@dataclass(frozen=True, slots=True, eq=False)
class _Strata:
    """The strata of the asked samples (numbers, shape (n,)), their weights and how many were asked of each."""

    of_asked: IntArray
    weights: FloatRows
    asked: FloatRows
    total: int

    @property
    def n(self) -> float:
        return float(self.asked.sum())

    @property
    def left(self) -> float:
        """The part of the set that was not asked."""
        return 1.0 - self.n / self.total

    @property
    def worth(self) -> float:
        """The independent samples of an endless set that would tell as much of its mean."""
        return self.n / self.left

    def mean(self, values: FloatRows) -> float:
        return float(self.weights @ self._means(values))

    def variance(self, values: FloatRows) -> float:
        """Of the mean: Σ W_h²·(1 - n_h/N_h)·s_h²/n_h."""
        squares = np.bincount(self.of_asked, self._around(values) ** 2, len(self.weights)) / (self.asked - 1.0)
        left = 1.0 - self.asked / (self.weights * self.total)
        return float((self.weights**2 * left * squares / self.asked).sum())

    def third(self, values: FloatRows) -> float:
        """The third central moment of the mean; of what is left of a set half of which was asked it is 0."""
        cubes = np.bincount(self.of_asked, self._around(values) ** 3, len(self.weights)) / self.asked
        return float((self.weights**3 * cubes / self.asked**2).sum()) * self.left * max(0.0, 2.0 * self.left - 1.0)

    def _means(self, values: FloatRows) -> FloatRows:
        return np.asarray(np.bincount(self.of_asked, values, len(self.weights)) / self.asked)

    def _around(self, values: FloatRows) -> FloatRows:
        return np.asarray(values - self._means(values)[self.of_asked])


def subset_estimate(
    stored: StoredScores, design: SubsetDesign, places: IntArray, values: FloatRows, confidence: float = 0.95
) -> Estimate:
    """The mean of the whole set from `values` (shape (n,)) on the samples at `places`, with its interval.

    Expected scores are those of the item curves at the subset's ability, or of a ridge regression on these and on the
    stored runs' scores, each made without the fold of samples that it is held against. They are taken where they leave
    less of the variance than none at all. Where scores have ends, the interval holds samples that were not seen, as
    everywhere (`stats.difference`, `stats.intervals.score_interval`). Bounds are NaN under 20 samples.
    """
    n, total = len(places), len(stored.ids)
    strata = _merged(design.strata, places)
    if n < 2 * len(strata.weights) or len(strata.weights) < 2:
        return Estimate(math.nan, math.nan, math.nan, n, f"too few of {total:,} samples", confidence)
    how = f"{n:,} anchors of {total:,}"
    if n == total:
        value = float(values.mean())
        return Estimate(value, value, value, n, how, confidence)
    alone = strata.variance(values)
    found = _alone(strata, values, stored, confidence)
    best, least = found, alone
    for name, expected, own in _controls(stored, design, places, values):
        left_over = strata.variance(values - own)
        if left_over < _HELPS * alone and left_over < least:
            made = _controlled(strata, float(expected.mean()), values - own, stored, confidence)
            if made.high - made.low < found.high - found.low:
                best, least, how = made, left_over, f"{n:,} anchors of {total:,}, {name}"
    spread = float(values.var(ddof=1))
    if 0.0 < least < spread * strata.left / n:
        # As many samples, drawn at random from the set, would have this variance.
        how += f", worth {spread / (least + spread / total):,.0f} random samples"
    value, low, high = _held(best, strata, values, stored)
    return Estimate(value, low, high, n, how, confidence)


def _alone(strata: _Strata, values: FloatRows, stored: StoredScores, confidence: float) -> Estimate:
    """By the strata alone."""
    worth = strata.worth
    unseen = float((strata.weights**2 / strata.asked).sum()) * strata.n
    found = Spread(
        strata.mean(values),
        worth,
        worth**2 * strata.variance(values),
        worth**3 * strata.third(values),
        strata.n - len(strata.weights),
        1.0,
        round(worth),
    )
    low, high = stored.ends
    if low is None or high is None:
        return t_interval(found, confidence)
    return score_interval(found, (low, high), confidence, unseen=unseen)


def _controlled(
    strata: _Strata, expected: float, differences: FloatRows, stored: StoredScores, confidence: float
) -> Estimate:
    """What was expected of the whole set, plus the asked samples' differences from what was expected of them."""
    worth, unbounded = strata.worth, None in stored.ends
    scale = worth * strata.weights[strata.of_asked] / strata.asked[strata.of_asked]
    mean = strata.mean(differences)
    reach = math.inf if unbounded else stored.span[1] - stored.span[0]
    found = Moments(
        n=np.asarray(worth),
        gains=np.asarray(scale @ np.maximum(differences, 0.0)),
        losses=np.asarray(scale @ np.maximum(-differences, 0.0)),
        single=np.asarray(scale @ (differences - mean) ** 2),
        spread=np.asarray(worth**2 * strata.variance(differences)),
        third=np.asarray(worth**3 * strata.third(differences)),
        kish=np.asarray(1.0),
        freedom=np.asarray(strata.n - len(strata.weights)),
        clusters=np.asarray(worth),
        down=reach,
        up=reach,
        plain=False,
    )
    low, high = bounds(found, (1.0 - confidence) / 2.0)
    return Estimate(expected + mean, expected + float(low), expected + float(high), round(strata.n), "", confidence)


def _held(found: Estimate, strata: _Strata, values: FloatRows, stored: StoredScores) -> tuple[float, float, float]:
    """Within what the asked samples leave possible: the others have the worst scores there are, or the best."""
    low, high = stored.ends
    if low is None or high is None:
        return found.value, found.low, found.high
    part = strata.n / strata.total
    least, most = (part * float(values.mean()) + (1.0 - part) * end for end in (low, high))
    value = min(max(found.value, least), most)
    return value, max(found.low, least), min(found.high, most)


def _controls(
    stored: StoredScores, design: SubsetDesign, places: IntArray, values: FloatRows
) -> Iterator[tuple[str, FloatRows, FloatRows]]:
    """(name, expected scores of all samples (N,), of those asked from the other folds (n,)) of each way to expect."""
    low, high = stored.span
    curves, scores = design.curves, np.clip((values - low) / (high - low), 0.0, 1.0)
    seen = np.where(np.isfinite(stored.values), stored.values, np.nan)
    filled = [
        np.where(np.isnan(row), low + (high - low) * curves.expected(float(ability)), row)
        for row, ability in zip(seen, curves.abilities, strict=True)
    ]
    # Which samples share a fold has nothing to do with what they scored.
    fold = np.random.default_rng(len(places)).permutation(len(places)) % _FOLDS
    by_curves = np.empty((_FOLDS, len(stored.ids)))
    by_runs = np.empty_like(by_curves)
    for one in range(_FOLDS):
        kept = fold != one
        curve = low + (high - low) * curves.expected(curves.ability(places[kept], scores[kept]))
        columns = np.column_stack([curve, *filled])
        by_curves[one] = curve
        by_runs[one] = _ridge(columns, places[kept], values[kept], (high - low) ** 2)
        if None not in stored.ends:
            by_runs[one] = np.clip(by_runs[one], low, high)
    runs = f"{len(filled)} stored run{'' if len(filled) == 1 else 's'}"
    for name, made in (("item curves", by_curves), (runs, by_runs)):
        yield name, made.mean(axis=0), made[fold, places]


def _ridge(columns: FloatRows, places: IntArray, values: FloatRows, unit: float) -> FloatRows:
    """Expected scores of all samples by a regression on `columns` (N, k) over the samples at `places`."""
    asked = columns[places]
    middle, level = asked.mean(axis=0), float(values.mean())
    around = asked - middle
    square = around.T @ around + _PENALTY * len(places) * unit * np.eye(columns.shape[1])
    return np.asarray(level + (columns - middle) @ np.linalg.solve(square, around.T @ (values - level)))


def _merged(strata: IntArray, places: IntArray) -> _Strata:
    """The strata, neighbours put together where one has fewer than two samples that could be measured."""
    sizes, asked = np.bincount(strata), np.bincount(strata[places], minlength=int(strata.max()) + 1)
    number, numbers, waiting = 0, [], 0
    for count in asked:
        numbers.append(number)
        waiting += int(count)
        if waiting >= 2:
            number, waiting = number + 1, 0
    if waiting:
        last = max(number - 1, 0)
        numbers = [min(one, last) for one in numbers]
    new = np.asarray(numbers, dtype=np.int64)
    new = np.minimum(new, new[np.flatnonzero(asked)].max(initial=0))
    weights = np.bincount(new, sizes) / len(strata)
    counts = np.bincount(new, asked).astype(np.float64)
    return _Strata(new[strata[places]], weights, counts, len(strata))
