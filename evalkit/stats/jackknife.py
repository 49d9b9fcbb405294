"""The jackknife: what a value would be without each cluster, made into pseudo-values that are treated like scores.

θ̃_g = G·θ - (G-1)·θ₋g are to a smooth statistic of all samples what scores are to their mean (Tukey 1958; Efron & Stein
1981). So a corpus's BLEU, macro F1 or a perplexity has the same intervals and decisions as a mean has.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core import Estimate
from evalkit.stats.bootstrap import FEWEST, Statistic, apply, is_values_only, too_few, units_of, values_only
from evalkit.stats.clusters import Spread, freedom, renumber, spread, sums
from evalkit.stats.difference import bounds, form, p_value
from evalkit.stats.intervals import quantile, score_interval, t_interval
from evalkit.stats.moments import moments_of_differences
from evalkit.stats.verdict import Verdict

if TYPE_CHECKING:
    from evalkit.core import Ends, FloatRows, IntArray

GROUPS = 200
"""With more clusters than this a pair of runs is compared over as many random groups of them."""


def jackknife_interval(
    rows: FloatRows,
    statistic: Statistic,
    clusters: IntArray | None = None,
    *,
    seed: int,
    ends: Ends = (None, None),
    weighed_by: int | None = None,
    unseen: float = 1.0,
    confidence: float = 0.95,
) -> Estimate:
    """`statistic` of the sums of `rows` (shape (n, width)) with its interval by the jackknife over clusters.

    Clusters beyond 10,000 are left out in as many random groups. The interval of the pseudo-values is `score_interval`
    where the statistic has `ends`, else t; a column of the rows may say what samples weigh (`weighed_by`). The bounds
    are NaN for fewer than five clusters, where the statistic is not finite without one of them, and where nothing
    varies away from an end.
    """
    n = len(rows)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0, "n=0", confidence)
    numbers, count = renumber(clusters, n)
    units, _ = units_of(rows, numbers, count, seed)
    total = units.sum(axis=0)
    value = float(apply(statistic, total[None, :])[0])
    if is_values_only():
        return Estimate(value, math.nan, math.nan, n, "value only", confidence)
    if count < FEWEST or not math.isfinite(value):
        why = too_few(count, n) if count < FEWEST else "undefined"
        return Estimate(value, math.nan, math.nan, n, why, confidence)
    without = apply(statistic, total - units)
    sizes = units[:, -1 if weighed_by is None else weighed_by]
    return of_left_out(value, without, n, ends, confidence, sizes=sizes, unseen=unseen)


def of_left_out(
    value: float,
    without: FloatRows,
    n: int,
    ends: Ends,
    confidence: float = 0.95,
    *,
    sizes: FloatRows | None = None,
    unseen: float = 1.0,
) -> Estimate:
    """The interval of a value from those without each of G units (shape (G,)), whose sizes are all one by default."""
    count = len(without)
    how = "jackknife" if count == n else f"jackknife over {count}"
    broken = int((~np.isfinite(without)).sum())
    if broken:
        return Estimate(value, math.nan, math.nan, n, f"{how}, undefined without {broken} of them", confidence)
    found = _spread(value, without, sizes)
    lowest, highest = ends
    at_an_end = value in (lowest, highest)
    if found.variance == 0.0 and not at_an_end:
        return Estimate(value, math.nan, math.nan, n, f"{how}, nothing varies", confidence)
    made = (
        t_interval(found, confidence)
        if lowest is None or highest is None
        else score_interval(found, (lowest, highest), confidence, unseen=unseen, exact=True)
    )
    return replace(made, n=n, how=f"{made.how.partition(',')[0]}, {how}")


def fishers_jackknife(
    rows: FloatRows,
    statistic: Callable[[FloatRows], FloatRows],
    clusters: IntArray | None,
    confidence: float,
    *,
    taken: int = 1,
) -> Estimate:
    """A correlation, or an agreement, of the sums of `rows` (shape (n, width)): t on the jackknife over clusters, on
    Fisher's scale atanh, which bends less. `statistic` takes sums of shape (r, width) to r values between -1 and 1;
    `taken` degrees of freedom are lost to it. NaN where it is not finite without one of the clusters."""
    n = len(rows)
    numbers, count = renumber(clusters, n)
    units = sums(rows, numbers, count)
    total = units.sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(statistic(total[None])[0])
        without = statistic(total - units) if count > 1 + taken else np.array([])
    how = "jackknife" if numbers is None else f"jackknife, {count} clusters"
    if not math.isfinite(value) or not len(without) or not np.isfinite(without).all():
        return Estimate(value, math.nan, math.nan, n, how if math.isfinite(value) else "undefined", confidence)
    scaled = np.arctanh(np.clip(without, -1 + 1e-9, 1 - 1e-9))
    error = math.sqrt((count - 1) / count * float(((scaled - scaled.mean()) ** 2).sum()))
    reach = quantile(confidence, count - taken) * error
    place = math.atanh(min(max(value, -1 + 1e-9), 1 - 1e-9))
    return Estimate(value, math.tanh(place - reach), math.tanh(place + reach), n, how, confidence)


def paired_jackknife(
    baseline: FloatRows,
    candidate: FloatRows,
    estimate: Callable[[FloatRows, IntArray], Estimate],
    clusters: IntArray | None = None,
    *,
    ends: Ends = (None, None),
    weighed_by: int | None = None,
    leverage: bool = False,
    seed: int = 0,
    confidence: float = 0.95,
    strict: bool = False,
) -> Verdict:
    """The difference of a metric's values over two sets of rows (both of shape (n, width)), by pseudo-values.

    Both runs are estimated without the same clusters (random groups of them from 200 on), so that what both found hard
    cancels. `ends` are the metric's: an unseen change is a loss from the baseline's value to the worst. Where it has
    none, or one sample can count for more than they say (`leverage`), strict bounds have the degrees of freedom that
    the tails of the pseudo-values leave. Bounds are NaN for fewer than five clusters and where the metric is not finite
    without some of them.
    """
    n = len(baseline)
    numbers, count = renumber(clusters, n)
    numbers = np.arange(n) if numbers is None else numbers
    with values_only():
        before, after = estimate(baseline, numbers).value, estimate(candidate, numbers).value
        value = after - before
        if count < FEWEST or not math.isfinite(value):
            how = too_few(count, n) if count < FEWEST else "undefined"
            return Verdict.unknown(how, n, count, confidence, value)
        group, groups = grouped(numbers, count, seed)
        left_out = np.empty(groups)
        for place in range(groups):
            kept = group != place
            one = estimate(candidate[kept], numbers[kept]).value - estimate(baseline[kept], numbers[kept]).value
            left_out[place] = one
    how = f"jackknife over {groups}" + ("" if groups == n else " groups" if groups < count else " clusters")
    broken = int((~np.isfinite(left_out)).sum())
    if broken:
        return Verdict.unknown(f"{how}, undefined without {broken} of them", n, count, confidence, value)
    lowest, highest = ends
    reach = math.inf, math.inf
    if lowest is not None and highest is not None and lowest <= before <= highest:
        reach = before - lowest, highest - before
    pseudo = _pseudo(value, left_out)
    found = moments_of_differences(pseudo, None, reach)
    weights = np.ones(n) if weighed_by is None else baseline[:, weighed_by]
    sizes = np.bincount(group, weights=weights, minlength=groups).astype(np.float64)
    exact, heavy = freedom(sizes, working=2), strict and (leverage or not found.bounded)
    found = replace(found, freedom=np.asarray(_with_heavy_tails(exact, pseudo) if heavy else exact))
    # The estimate stays the metric's own; pseudo-values have its bias taken off.
    found = replace(found, gains=np.asarray(max(value, 0.0) * groups), losses=np.asarray(max(-value, 0.0) * groups))
    low, high = bounds(found, (1.0 - confidence) / 2.0, strict=strict)
    p = float(p_value(found, strict=True))
    return Verdict(value, float(low), float(high), p, n, count, f"{form(found)}, {how}", confidence)


def _with_heavy_tails(exact: float, pseudo: FloatRows) -> float:
    """The degrees of freedom that the variance of pseudo-values (shape (G,)) has where no end bounds a change.

    A variance s² of G values with excess kurtosis κ has itself the variance σ⁴(2/f + κ/G), as if it had
    2/(2/f + κ/G) degrees of freedom. A few large changes among many small ones thus count as the few that they are.
    """
    centred = pseudo - pseudo.mean()
    square = float((centred**2).mean())
    if square == 0.0:
        return exact
    kurtosis = max(float((centred**4).mean()) / square**2 - 3.0, 0.0)
    return 2.0 / (2.0 / exact + kurtosis / len(pseudo))


def grouped(numbers: IntArray, count: int, seed: int) -> tuple[IntArray, int]:
    """(the group of every sample, the number of groups): each of `count` clusters is one, or 200 random groups of them
    are."""
    groups = min(GROUPS, count)
    return np.random.default_rng(seed).permutation(count)[numbers] * groups // count, groups


def pseudo_values(
    rows: FloatRows,
    estimate: Callable[[FloatRows, IntArray], Estimate],
    clusters: IntArray | None = None,
    seed: int = 0,
) -> FloatRows:
    """The pseudo-values of a metric of one run's rows (n, width), a cluster each or a random group of them, as
    `paired_jackknife` takes them of two. Not finite where the metric is not without one of them."""
    numbers, count = renumber(clusters, len(rows))
    numbers = np.arange(len(rows)) if numbers is None else numbers
    group, groups = grouped(numbers, count, seed)
    with values_only():
        value = estimate(rows, numbers).value
        without = [estimate(rows[group != one], numbers[group != one]).value for one in range(groups)]
    return _pseudo(value, np.asarray(without))


def _pseudo(value: float, without: FloatRows) -> FloatRows:
    count = len(without)
    return np.asarray(count * value - (count - 1) * without)


def _spread(value: float, without: FloatRows, sizes: FloatRows | None) -> Spread:
    count = len(without)
    found = spread(_pseudo(value, without), np.ones(count), count)
    exact = found.freedom if sizes is None else freedom(sizes, working=2)
    return replace(found, value=value, freedom=exact)
