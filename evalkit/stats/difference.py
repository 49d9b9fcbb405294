"""Bounds and p of a paired difference from its moments, vectorised over data sets: what a gate decides by.

Scores within [0, 1] get a score interval at any n. The t interval's one-sided error is near 8 % instead of 5 % with
30 flips in one direction, and what a gate sees is mostly flips in one direction. Of many flips both are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.stats.score_intervals import tango, tango_statistic

if TYPE_CHECKING:
    from evalkit.core import FloatRows
    from evalkit.stats.moments import Moments

FEW_CLUSTERS = 50
"""Below this many effective clusters the design effect is never trusted alone."""
_STRICT_WEIGHT = 0.25
"""The least weight of the pseudo-cluster in strict bounds; see `design_effect`."""
_MOST_WEIGHT = 0.5
_FLIPS = 14.0
"""At this many effective flips the pseudo-cluster begins to lose weight, with their third power."""
_SHIFT, _STRICT_SHIFT = 0.1, 0.5
"""Continuity corrections, in pairs. Enumeration over n of 20 to 1,000 gave them (docs/statistics.md): with 0.5 no bound
errs more often than it says, at any level; with 0.1 both together err closest to what they say."""


def bounds(found: Moments, tail: float, *, strict: bool = False) -> tuple[FloatRows, FloatRows]:
    """The lower and the upper bound of candidate - baseline, each wrong with probability `tail`.

    - 0/1 scores without clusters: Tango's score interval, corrected for skewness and, a little, for continuity.
    - Other scores within [0, 1]: Tango's interval on the effective numbers of pairs and flips, with t's quantile.
    - Anything else: t on the jackknife's cluster-robust error.

    NaN where there are fewer than two clusters. `strict` bounds are for decisions: none errs more often than `tail`.
    The others are for descriptions: an interval of two covers about 1 - 2·tail, neither less nor more.
    """
    lonely = found.clusters < 2.0
    quantile = _quantile(found, tail)
    if found.bounded:
        deff = design_effect(found, strict=strict)
        low, high = tango(
            found.gains / deff,
            found.losses / deff,
            found.n / deff,
            quantile,
            shift=_STRICT_SHIFT if strict else _SHIFT,
            skewness=_skew(found),
        )
    else:
        half = quantile * _error(found)
        low, high = found.difference - half, found.difference + half
    return np.where(lonely, np.nan, low), np.where(lonely, np.nan, high)


def beyond(found: Moments, delta: float, tail: float, *, strict: bool = False) -> FloatRows:
    """1 where the lower bound lies above `delta`, -1 where the upper one lies below it, else 0; no bound is sought.

    NaN where there are fewer than two clusters.
    """
    statistic = _statistic(found, delta, strict=strict) / _quantile(found, tail)
    side = np.where(statistic > 1.0, 1.0, np.where(statistic < -1.0, -1.0, 0.0))
    return np.where(found.clusters < 2.0, np.nan, side)


def p_value(found: Moments, *, strict: bool = False) -> FloatRows:
    """The two-sided p of no difference, by the same statistic as the bounds; NaN for fewer than two clusters."""
    statistic = _statistic(found, 0.0, strict=strict)
    return np.where(found.clusters < 2.0, np.nan, 2.0 * _below(found, -np.abs(statistic)))


def design_effect(found: Moments, *, strict: bool = False) -> FloatRows:
    """By how much pairs of flips and rests vary more than independent ones of the same numbers would.

    It is the jackknife's variance over that of independent pairs, with a pseudo-cluster of the size `kish` added to
    both, all of whose samples flip, of weight w: (V + w·kish²)/(v + w·kish). Where flips are few they may all have
    been seen alone although whole clusters can flip; what was not seen then is what makes a bound too tight. w is ½
    where clusters are fewer than 50 or effective flips fewer than 14, and falls with the flips' third power from
    there, to 0, or to ¼ where bounds are strict. Where nothing differs the effect is `kish`. With clusters it is at
    least 1; graded scores of independent samples may have less.
    """
    if found.plain:
        return np.ones_like(found.n)
    single = np.maximum(found.gains + found.losses - found.n * found.difference**2, 0.0)
    count = np.maximum(found.clusters, 2.0)
    spread = (count - 1.0) / count * np.where(np.isfinite(found.spread), found.spread, 0.0)
    lowest = np.where(found.kish > 1.0, 1.0, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = np.maximum(spread / single, lowest)
        flips = np.where(single > 0.0, single / plain, 0.0)
        weight = np.clip(_MOST_WEIGHT * (_FLIPS / flips) ** 3, _STRICT_WEIGHT if strict else 0.0, _MOST_WEIGHT)
    weight = np.where((found.effective < FEW_CLUSTERS) | ~np.isfinite(weight), _MOST_WEIGHT, weight)
    weighted = (spread + weight * found.kish**2) / (single + weight * found.kish)
    return np.where(single > 0.0, np.maximum(weighted, lowest), found.kish)


def form(found: Moments, *, strict: bool = False) -> str:
    """The name of the form that the bounds of one data set take."""
    count = int(found.clusters)
    if count < 2:
        return "one sample" if int(found.n) < 2 else "one cluster"
    if found.plain:
        return "score"
    if not found.bounded:
        return "t" if count == int(found.n) else f"t, {count} clusters"
    pairs = f"score on {float(found.n / design_effect(found, strict=strict)):.1f} effective pairs"
    return pairs if count == int(found.n) else f"{pairs}, {count} clusters"


def _statistic(found: Moments, delta: float, *, strict: bool) -> FloatRows:
    """How far the difference lies above `delta`, in its standard error there."""
    if found.bounded:
        deff = design_effect(found, strict=strict)
        counts = (found.gains / deff, found.losses / deff, found.n / deff)
        at = np.full_like(found.n, delta)
        return tango_statistic(*counts, at, shift=_STRICT_SHIFT if strict else _SHIFT, skewness=_skew(found))
    distance = found.difference - delta
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(distance == 0.0, 0.0, distance / _error(found))


def _skew(found: Moments) -> float:
    # With clusters the larger clumps are seen last: what skewness would take back from the lower bound, they need.
    return 1.0 if found.plain else 0.0


def _error(found: Moments) -> FloatRows:
    count = np.maximum(found.clusters, 2.0)
    return np.asarray(np.sqrt((count - 1.0) / count * found.spread) / found.n)


def _freedom(found: Moments) -> FloatRows:
    return np.maximum(found.effective - 1.0, 1.0)


def _quantile(found: Moments, tail: float) -> FloatRows:
    from scipy import special

    if found.plain:
        return np.full_like(found.n, -float(special.ndtri(tail)))
    return np.asarray(-special.stdtrit(_freedom(found), tail))


def _below(found: Moments, statistic: FloatRows) -> FloatRows:
    from scipy import special

    return np.asarray(special.ndtr(statistic) if found.plain else special.stdtr(_freedom(found), statistic))
