"""Bounds of a mean difference that hold however often one looks, and whenever one stops: by betting against it.

Whoever bets on "the difference is above m" at fair odds cannot be expected to win where it is not: a wealth of 1/α is
then reached with a probability of at most α, ever (Ville 1939). So the values of m at which the wealth has not
reached 1/α are a confidence sequence (Waudby-Smith & Ramdas 2024, JRSS B 86). The bets here are a fixed mixture of 32
sizes from timid to bold, which needs no tuning: what the best of them wins, the mixture wins but for its weight. The
boldest has a quarter, since it wins most where nothing changes at all.

A unit is a sample, or a whole cluster; units have to come in a random order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

_SIZES = 32
_TIMID = 1e-3
_WEIGHTS = np.concatenate([[0.25], np.full(_SIZES - 1, 0.75 / (_SIZES - 1))])
_STEPS = 40
"""Halvings of the range of differences: the bounds are right to 1e-12 of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """What came in so far: the `totals` of the differences of each unit, the samples it holds (`weights`), both of
    shape (k,), and how many units were of that kind (`counts`). A unit holds `most` samples at most, and a sample's
    difference must be between `-down` and `up`."""

    totals: FloatRows
    weights: FloatRows
    counts: FloatRows
    most: float
    down: float = 1.0
    up: float = 1.0

    @property
    def turned(self) -> Units:
        """The same with gains for losses."""
        return Units(-self.totals, self.weights, self.counts, self.most, self.up, self.down)


def units_of(
    differences: FloatRows, clusters: IntArray | None, *, down: float = 1.0, up: float = 1.0, most: float = 0.0
) -> Units:
    """The units that differences of shape (n,) make. `most` is the size of the largest cluster there can be, the
    largest that came in by default. Raises ValueError for a difference out of range."""
    d = np.asarray(differences, dtype=np.float64)
    if len(d) and (float(d.min()) < -down - 1e-9 or float(d.max()) > up + 1e-9):
        raise ValueError(f"differences lie between {-down:g} and {up:g}")
    if clusters is None:
        totals, weights = d, np.ones(len(d))
    else:
        _, numbers = np.unique(clusters, return_inverse=True)
        totals, weights = (np.bincount(numbers, weights=own).astype(np.float64) for own in (d, np.ones(len(d))))
    kinds, counts = np.unique(np.stack([totals, weights]), axis=1, return_counts=True)
    size = max(most, float(weights.max(initial=1.0)))
    return Units(kinds[0], kinds[1], counts.astype(np.float64), size, down, up)


def log_wealth(units: Units, point: float) -> float:
    """The logarithm of what a bettor of 1 has now who bet, unit by unit, on a mean difference above `point`.

    A unit of total S and m samples pays (S - m·point)/M, M the most samples of a unit; the mixture is that of
    λ = bold·1e-3^(j/31), with `bold` just short of what the worst unit could ruin.
    """
    worst = units.down + point
    if worst <= 0.0:
        return 0.0  # nothing lies below the least difference
    pays = (units.totals - units.weights * point) / units.most
    bets = (1.0 - 1e-6) / worst * _TIMID ** (np.arange(_SIZES) / (_SIZES - 1.0))
    wins = np.log1p(bets[:, None] * pays) @ units.counts
    return float(np.logaddexp.reduce(wins + np.log(_WEIGHTS)))


def is_above(units: Units, point: float, alpha: float) -> bool:
    """Whether it is shown, at `alpha`, that the mean difference lies above `point`."""
    return log_wealth(units, point) >= -math.log(alpha)


def anytime_bounds(units: Units, alpha: float) -> tuple[float, float]:
    """The lower and the upper bound of the mean difference, each of which is ever wrong with probability `alpha` at
    most, whenever it is looked at; the ends of the range where nothing came in."""
    return _lower(units, alpha), -_lower(units.turned, alpha)


def _lower(units: Units, alpha: float) -> float:
    # Wealth falls as the point rises: what is bet on is harder to win.
    below, above = -units.down, units.up
    for _ in range(_STEPS):
        middle = (below + above) / 2.0
        below, above = (middle, above) if is_above(units, middle, alpha) else (below, middle)
    return below
