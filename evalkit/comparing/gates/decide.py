"""The decision: pairs of scores and limits to a verdict."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.outcomes import GateOutcome, GateVerdict, Pairs, shown
from evalkit.stats.difference import beyond, bounds
from evalkit.stats.exact import clopper_pearson, mcnemar_exact
from evalkit.stats.moments import Moments, moments
from evalkit.stats.paired import paired_interval, verdict_of
from evalkit.stats.power import smallest_factor
from evalkit.stats.verdict import Verdict

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

MOST_SAMPLES = 10_000
"""`needed` is not told beyond this many times the samples at hand: the drop then lies at the margin itself."""


def decide(pairs: Pairs, limits: GateLimits, *, strict: bool = True) -> GateVerdict:
    """The verdict on a metric that is a mean over samples.

    With L and U the one-sided bounds of candidate - baseline (turned so that higher is better) and δ the margin: FAIL
    where U < -δ, or U < 0 and any drop blocks; else, where L > -δ, DEGRADED if U < 0 and PASS if not; else WORSE
    if U < 0, and INCONCLUSIVE if not. So a drop of δ gets through, as PASS or DEGRADED, with a probability of at most
    α. Pairs that one side could not measure count at their worst in
    L and at their best in U.

    `strict` bounds (`evalkit.stats.difference.bounds`) keep the error rates of a decision; what only describes a
    difference takes the others, which cover it evenly. Raises ValueError for values that are not finite.
    """
    confidence = 1.0 - 2.0 * limits.alpha
    found = paired_interval(pairs.baseline, pairs.candidate, pairs.clusters, confidence, strict=strict, ends=pairs.ends)
    if len(pairs.baseline) == 0:
        return nothing(limits)
    before, after = float(pairs.baseline.mean()), float(pairs.candidate.mean())
    exact = _mcnemar(pairs)
    if limits.zero_tolerance:
        return _strict(pairs, found, before, after, exact, limits)
    least = most = _turned(pairs.completed(worst=True))
    low, high = bounds(least, limits.alpha, strict=strict)
    if pairs.lost is not None:
        most = _turned(pairs.completed(worst=False))
        _, high = bounds(most, limits.alpha, strict=strict)
    outcome = list(GateOutcome)[int(_outcomes(least, most, limits, strict=strict))]
    needed = _needed(least, most, limits) if outcome.is_open else None
    left_out = 0 if pairs.lost is None else len(pairs.lost.places)
    ends = (float(low), float(high)) if pairs.higher_is_better else (-float(high), -float(low))
    why = lost_in_words(left_out, counted=float(least.n) > found.n)
    found = replace(found, low=ends[0], high=ends[1], left_out=left_out, why=why)
    return verdict(outcome, found, before, after, limits, pairs.higher_is_better, exact=exact, needed=needed)


def decide_moments(
    found: Moments,
    limits: GateLimits,
    *,
    before: float,
    after: float,
    most: Moments | None = None,
    lost: int = 0,
    higher_is_better: bool = True,
    strict: bool = True,
) -> GateVerdict:
    """The verdict on one difference from its moments, which are turned so that higher is better.

    Where `lost` pairs could not be measured, `found` holds them at their worst and `most` at their best.
    """
    most = most or found
    made = verdict_of(found, 1.0 - 2.0 * limits.alpha, strict=strict)
    _, high = bounds(most, limits.alpha, strict=strict)
    why = lost_in_words(lost, counted=True)
    made = replace(made, value=after - before, high=float(high), left_out=lost, why=why)
    if not higher_is_better:
        made = replace(made, low=-made.high, high=-made.low)
    outcome = list(GateOutcome)[int(_outcomes(found, most, limits, strict=strict))]
    needed = _needed(found, most, limits) if outcome.is_open else None
    return verdict(outcome, made, before, after, limits, higher_is_better, needed=needed)


def decide_bounds(
    found: Verdict,
    limits: GateLimits,
    *,
    before: float,
    after: float,
    higher_is_better: bool = True,
    needed: int | None = None,
) -> GateVerdict:
    """The verdict by bounds that are known already, in the metric's own direction."""
    outcome = by_bounds(found, limits, higher_is_better)
    return verdict(outcome, found, before, after, limits, higher_is_better, needed=needed)


def lost_in_words(lost: int, *, counted: bool) -> str:
    if lost == 0:
        return ""
    pairs = f"{lost:,} pair{'' if lost == 1 else 's'} that one side could not measure"
    return f"{pairs}, at their worst and best" if counted else f"without {pairs}"


def _turned(pairs: Pairs) -> Moments:
    """The moments of pairs, turned so that higher is better."""
    found = moments(pairs.baseline, pairs.candidate, pairs.clusters, ends=pairs.ends)
    return found if pairs.higher_is_better else found.turned


def outcomes(found: Moments, limits: GateLimits, *, strict: bool = True) -> IntArray:
    """Of every data set of `found` (whose scores are better when higher) the place of its outcome in `GateOutcome`.

    One data set or ten thousand (benchmarks/gate_simulation.py): this is where it is decided.
    """
    return _outcomes(found, found, limits, strict=strict)


def _outcomes(least: Moments, most: Moments, limits: GateLimits, *, strict: bool = True) -> IntArray:
    """The same where the lower bound is that of one set of data and the upper one that of another."""
    sides = []
    for point in (-limits.margin, 0.0):
        above = beyond(least, point, limits.alpha, strict=strict)
        below = above if most is least else beyond(most, point, limits.alpha, strict=strict)
        side = np.where(above > 0.0, 1.0, np.where(below < 0.0, -1.0, 0.0))
        sides.append(np.where(np.isnan(above) | np.isnan(below), np.nan, side))
    return _codes(sides[0], sides[1], limits)


def _codes(at_margin: FloatRows, at_zero: FloatRows, limits: GateLimits) -> IntArray:
    """From the side that the bounds lie on (1 above, -1 below, 0 around, NaN unknown), of minus the margin and of 0."""
    failed = (at_margin < 0.0) | ((at_zero < 0.0) & limits.any_drop_blocks)
    inside, worse = at_margin > 0.0, at_zero < 0.0
    order = (GateOutcome.FAIL, GateOutcome.DEGRADED, GateOutcome.PASS, GateOutcome.WORSE)
    places = [_PLACES[each] for each in order]
    chosen = np.select([failed, inside & worse, inside, worse], places, _PLACES[GateOutcome.INCONCLUSIVE])
    return chosen.astype(np.int64)


_PLACES = {outcome: place for place, outcome in enumerate(GateOutcome)}


def by_bounds(found: Verdict, limits: GateLimits, higher_is_better: bool) -> GateOutcome:
    low, high = (found.low, found.high) if higher_is_better else (-found.high, -found.low)

    def side(point: float) -> FloatRows:
        return np.asarray(math.nan if math.isnan(low) else float(low > point) - float(high < point))

    return list(GateOutcome)[int(_codes(side(-limits.margin), side(0.0), limits))]


def _needed(least: Moments, most: Moments, limits: GateLimits) -> int | None:
    """How many samples of the same kind would show which side of the margin it is on, if it stayed as measured."""

    def decided(factor: float) -> bool:
        times = np.asarray(factor)
        more = least.scaled(times)
        found = _outcomes(more, more if most is least else most.scaled(times), limits)
        return not list(GateOutcome)[int(found)].is_open

    if np.isnan(least.freedom):
        return None
    factor = smallest_factor(decided, MOST_SAMPLES, 1.001)
    return None if factor is None else math.ceil(float(least.n) * factor)


def _mcnemar(pairs: Pairs) -> float | None:
    values = np.concatenate([pairs.baseline, pairs.candidate])
    if pairs.clusters is not None and len(np.unique(pairs.clusters)) < len(pairs.clusters):
        return None
    if pairs.repeats or not bool(((values == 0.0) | (values == 1.0)).all()):
        return None
    d = pairs.candidate - pairs.baseline
    return mcnemar_exact(int((d > 0.0).sum()), int((d < 0.0).sum()))


def _strict(
    pairs: Pairs, found: Verdict, before: float, after: float, exact: float | None, limits: GateLimits
) -> GateVerdict:
    """Zero tolerance: one sample that got worse fails. What none at all rules out is said in the reason."""
    sign = 1.0 if pairs.higher_is_better else -1.0
    worse = int((sign * (pairs.candidate - pairs.baseline) < 0.0).sum())
    n = len(pairs.baseline)
    lost = 0 if pairs.lost is None else len(pairs.lost.places)
    found = replace(found, left_out=lost)
    if lost and not worse:
        outcome, reason = GateOutcome.INCONCLUSIVE, f"{lost} samples could not be measured, and none may get worse."
    elif worse:
        outcome, reason = GateOutcome.FAIL, f"{worse} of {n} samples got worse, and none may."
    else:
        # Clusters, not samples, are independent.
        _, most = clopper_pearson(0, found.clusters, 1.0 - 2.0 * limits.alpha)
        reason = f"None of {n} samples got worse, as would be with chance {limits.alpha:.2g} if {most:.2%} of such did."
        outcome = GateOutcome.PASS
    return verdict(outcome, found, before, after, limits, pairs.higher_is_better, exact=exact, reason=reason)


def nothing(limits: GateLimits) -> GateVerdict:
    reason = "The runs have no sample in common."
    return GateVerdict(GateOutcome.INCONCLUSIVE, math.nan, math.nan, Verdict.unknown("n=0"), limits.margin, reason)


def verdict(
    outcome: GateOutcome,
    found: Verdict,
    before: float,
    after: float,
    limits: GateLimits,
    higher_is_better: bool,
    *,
    exact: float | None = None,
    needed: int | None = None,
    reason: str = "",
) -> GateVerdict:
    low, high = (found.low, found.high) if higher_is_better else (-found.high, -found.low)
    reason = reason or _reason(outcome, low, high, limits, found, "drop" if higher_is_better else "rise")
    return GateVerdict(outcome, before, after, found, limits.margin, reason, exact, needed)


def _reason(outcome: GateOutcome, low: float, high: float, limits: GateLimits, found: Verdict, loss: str) -> str:
    """One sentence in words; losses (a "drop", or a "rise" where lower is better) are told as positive numbers. How
    many samples would decide, `outputs.sentences` adds."""

    def told(number: float) -> str:
        return shown(number, proportion=limits.proportion)

    margin, counted = told(limits.margin), f" ({found.why})" if found.why else ""
    if outcome is GateOutcome.FAIL:
        least = f"The {loss} is at least {told(-high)}{counted}"
        if high < -limits.margin:
            return f"{least}, more than the margin of {margin}."
        return f"{least}, and this policy lets no significant {loss} pass."
    if outcome is GateOutcome.PASS and low > 0.0:
        return f"It got better, by at least {told(low)}{counted}."
    if outcome is GateOutcome.PASS:
        return (
            f"A {loss}, if there is any, is at most {told(max(-low, 0.0))}{counted}, less than the margin of {margin}."
        )
    if outcome is GateOutcome.DEGRADED:
        return f"There is a {loss}, of {told(-high)} to {told(-low)}{counted}, inside the margin of {margin}."
    if math.isnan(low):
        return f"Nothing says how much the difference varies ({found.how})."
    if outcome is GateOutcome.WORSE:
        size = f"of {told(-high)} to {told(-low)}{counted}"
        return f"It got worse: there is a {loss}, {size}, which may exceed the margin of {margin}."
    return f"The {loss} may be as large as {told(-low)}{counted}, more than the margin of {margin}."
