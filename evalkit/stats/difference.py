"""Bounds and p of a paired difference from its moments, vectorised over data sets: what a gate decides by.

One form for every score with ends. What was not seen is part of it: a bound holds one more pair, or clump of pairs,
that lost all there is to lose. So a set of samples of which none got worse does not show that none can, whether its
scores are right and wrong, grades from 1 to 10 or pass@k.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.stats.score_intervals import tango, tango_statistic

if TYPE_CHECKING:
    from evalkit.core import FloatRows
    from evalkit.stats.moments import Moments

_WEIGHT, _STRICT_WEIGHT = 0.5, 1.0
"""How many unseen clumps a bound holds where a difference is described, and where it is decided on."""
_EVENTS, _STRICT_EVENTS = 20.0, 16.0
"""From so many independent changes on, clumps larger than those seen lose weight, with the third power: where a
difference is described, and where it is decided on (what decides keeps a least weight)."""
_LEAST = 0.375
"""The least weight of them in decisions: rare whole clusters among many single changes are seen late."""
_ROOT = 0.85
"""The largest clump that is thought of, as a power of the clusters' size: few clusters change as a whole."""
_SKEWEST = 3.0
_SHIFT, _STRICT_SHIFT = 0.1, 0.5
"""Continuity corrections, in pairs. Enumeration over n of 20 to 1,000 gave them
(docs/explanation/statistics-measured.md): with 0.5 no bound errs more often than it says, at any level; with 0.1 both
together err closest to what they say."""


def bounds(found: Moments, tail: float, *, strict: bool = False) -> tuple[FloatRows, FloatRows]:
    """The lower and the upper bound of candidate - baseline, each wrong with probability `tail`.

    - 0/1 scores without clusters: Tango's score interval, corrected for skewness and, a little, for continuity.
    - Other scores with ends, and clusters: t on the jackknife's cluster-robust error (CR3) with Bell and McCaffrey's
      degrees of freedom, an unseen clump of losses (of gains, for the upper bound) among the data, corrected for
      skewness.
    - Scores without ends: t on the same error. NaN where nothing varies, since nothing then says how much could.

    NaN where there are fewer than two clusters. `strict` bounds are for decisions: none errs more often than `tail`.
    The others are for descriptions: an interval of two covers about 1 - 2·tail, neither less nor more.
    """
    if found.plain:
        low, high = tango(
            found.gains,
            found.losses,
            found.n,
            np.full_like(found.n, -_normal(tail)),
            shift=_STRICT_SHIFT if strict else _SHIFT,
            skewness=1.0,
        )
        lonely = found.clusters < 2.0
        return np.where(lonely, np.nan, low), np.where(lonely, np.nan, high)
    return _lower(found, tail, strict=strict), -_lower(found.turned, tail, strict=strict)


def beyond(found: Moments, delta: float, tail: float, *, strict: bool = False) -> FloatRows:
    """1 where the lower bound lies above `delta`, -1 where the upper one lies below it, else 0.

    NaN where there are fewer than two clusters, and where nothing is known of how much the difference varies.
    """
    if found.plain:
        # No bound is sought, which takes bisection.
        statistic = _score(found, delta, strict=strict) / -_normal(tail)
        side = np.where(statistic > 1.0, 1.0, np.where(statistic < -1.0, -1.0, 0.0))
        return np.where(found.clusters < 2.0, np.nan, side)
    low, high = bounds(found, tail, strict=strict)
    side = np.where(low > delta, 1.0, np.where(high < delta, -1.0, 0.0))
    return np.where(np.isnan(low) | np.isnan(high), np.nan, side)


def p_value(found: Moments, *, strict: bool = False) -> FloatRows:
    """The two-sided p of no difference, by the same statistic as the bounds; NaN where there are none."""
    from scipy import special

    if found.plain:
        statistic = _score(found, 0.0, strict=strict)
        return np.where(found.clusters < 2.0, np.nan, 2.0 * special.ndtr(-np.abs(statistic)))
    above, below = _statistic(found, strict=strict), _statistic(found.turned, strict=strict)
    least = special.stdtr(found.freedom, -np.maximum(above, below))
    return np.where(np.isnan(above) | np.isnan(below), np.nan, np.minimum(1.0, 2.0 * least))


def form(found: Moments) -> str:
    """The name of the form that the bounds of one data set take."""
    count, n = int(found.clusters), int(found.n)
    if count < 2:
        return "one sample" if n < 2 else "one cluster"
    if found.plain:
        return "score"
    name = "t with an unseen change" if found.bounded else "t"
    if not found.bounded and float(found.spread) == 0.0:
        return f"{name}, nothing varies"
    if count == n:
        return name
    freedom = float(found.freedom)
    exact = "" if abs(freedom - (count - 1)) < 0.05 else f", {freedom:.1f} degrees of freedom"
    return f"{name}, {count} clusters{exact}"


def clump(found: Moments, *, strict: bool = False) -> FloatRows:
    """How many samples an unseen change is taken to hold: at least those of the changes that were seen.

    V/v, the variance between clusters over that of independent pairs that change altogether or not at all, is how many
    change together, and v²/V how many such clumps there were. Under 20 of them (16 in decisions) whole clusters could
    change of which none was seen (all of a cluster's n^0.85); from there on what was seen speaks, with the third power
    of its number, in decisions up to ⅝.
    """
    reach, enough = max(found.down, found.up), _STRICT_EVENTS if strict else _EVENTS
    whole = np.maximum((found.gains + found.losses) / reach - found.n * (found.difference / reach) ** 2, 0.0)
    spread = _variance(found) / reach**2
    with np.errstate(divide="ignore", invalid="ignore"):
        seen = np.where(whole > 0.0, np.clip(spread / whole, 1.0, found.kish), 1.0)
        events = np.where(spread > 0.0, whole**2 / spread, 0.0)
        unsure = np.where(events > 0.0, np.clip((enough / events) ** 3, _LEAST if strict else 0.0, 1.0), 1.0)
    return np.asarray(seen + np.maximum(found.kish**_ROOT - seen, 0.0) * unsure)


def _variance(found: Moments) -> FloatRows:
    """n² times the difference's variance: the jackknife's, and with clusters no less than that of single pairs.

    Changes of one cluster that cancel are no sign that a cluster's changes always do.
    """
    spread = np.where(np.isfinite(found.spread), found.spread, 0.0)
    return np.asarray(np.where(found.kish > 1.0, np.maximum(spread, found.single), spread))


def _unseen(found: Moments, *, strict: bool) -> tuple[FloatRows, FloatRows, FloatRows]:
    """(difference, its standard error, skewness at most 0) with unseen losses among the data."""
    size = clump(found, strict=strict) * found.down if found.bounded else np.zeros_like(found.n)
    weight = _STRICT_WEIGHT if strict else _WEIGHT
    variance = np.where(np.isfinite(found.spread), _variance(found) + weight * size**2, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        skewness = np.where(variance > 0.0, (found.third - weight * size**3) / variance**1.5, 0.0)
    if not found.bounded:
        skewness = np.zeros_like(found.n)
    error = np.where(variance > 0.0, np.sqrt(variance) / found.n, np.nan)
    return found.difference - weight * size / found.n, error, np.clip(skewness, -_SKEWEST, 0.0)


def _lower(found: Moments, tail: float, *, strict: bool) -> FloatRows:
    from scipy import special

    value, error, skewness = _unseen(found, strict=strict)
    quantile = -special.stdtrit(found.freedom, tail)
    low = value - error * (quantile - skewness * (quantile**2 - 1.0) / 6.0)
    return np.asarray(np.maximum(low, -found.down))


def _statistic(found: Moments, *, strict: bool) -> FloatRows:
    """The quantile at which the lower bound is 0: the root z of z + k·(z² - 1) = T with k = -skewness/6."""
    value, error, skewness = _unseen(found, strict=strict)
    ratio, k = value / error, -skewness / 6.0
    with np.errstate(divide="ignore", invalid="ignore"):
        root = (np.sqrt(np.maximum(1.0 + 4.0 * k * (k + ratio), 0.0)) - 1.0) / (2.0 * k)
    return np.asarray(np.where(k < 1e-9, ratio, root))


def _score(found: Moments, delta: float, *, strict: bool) -> FloatRows:
    """How far the difference lies above `delta`, in its standard error there."""
    at, shift = np.full_like(found.n, delta), _STRICT_SHIFT if strict else _SHIFT
    return tango_statistic(found.gains, found.losses, found.n, at, shift=shift, skewness=1.0)


def _normal(tail: float) -> float:
    from scipy import special

    return float(special.ndtri(tail))
