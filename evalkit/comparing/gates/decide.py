"""The decision: pairs of scores and limits to a verdict."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.outcomes import GateOutcome, GateVerdict, Pairs, shown
from evalkit.stats.bootstrap import values_only
from evalkit.stats.difference import beyond, bounds
from evalkit.stats.exact import clopper_pearson, mcnemar_exact
from evalkit.stats.jackknife import paired_jackknife
from evalkit.stats.moments import Moments, moments
from evalkit.stats.near_level import settled
from evalkit.stats.paired import paired_interval, verdict_of
from evalkit.stats.paired_bootstrap import paired_bootstrap
from evalkit.stats.power import smallest_factor
from evalkit.stats.verdict import Verdict

if TYPE_CHECKING:
    from evalkit.core import Ends, Estimate, FloatRows, IntArray, Jackknife

_MOST_SAMPLES = 10_000
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
        return _nothing(limits)
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
    why = _lost_in_words(left_out, counted=float(least.n) > found.n)
    found = replace(found, low=ends[0], high=ends[1], left_out=left_out, why=why)
    return _verdict(outcome, found, before, after, limits, pairs.higher_is_better, exact=exact, needed=needed)


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
    why = _lost_in_words(lost, counted=True)
    made = replace(made, value=after - before, high=float(high), left_out=lost, why=why)
    if not higher_is_better:
        made = replace(made, low=-made.high, high=-made.low)
    outcome = list(GateOutcome)[int(_outcomes(found, most, limits, strict=strict))]
    needed = _needed(found, most, limits) if outcome.is_open else None
    return _verdict(outcome, made, before, after, limits, higher_is_better, needed=needed)


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
    outcome = _by_bounds(found, limits, higher_is_better)
    return _verdict(outcome, found, before, after, limits, higher_is_better, needed=needed)


def decide_statistic(
    baseline_rows: FloatRows,
    candidate_rows: FloatRows,
    clusters: IntArray | None,
    estimate: Callable[[FloatRows, IntArray], Estimate],
    limits: GateLimits,
    *,
    higher_is_better: bool = True,
    ends: Ends = (None, None),
    jackknife: Jackknife = "bounded",
    lost: int = 0,
    weighed_by: int | None = None,
    seed: int = 0,
    resamples: int = 1000,
    strict: bool = True,
) -> GateVerdict:
    """The verdict on a metric that is no mean of samples (corpus BLEU, macro F1, perplexity, a win rate).

    Rows of shape (n, width) are the metric's sufficient statistics of the same samples in the same order. Bounds are
    those of the jackknife's pseudo-values (`evalkit.stats.jackknife.paired_jackknife`), or, where `jackknife` is
    "none", of the paired bootstrap; a margin is in the metric's own unit. `lost` pairs, which one side could not
    measure, are taken to have lost or gained all there is of their part, where the metric has `ends`. Raises ValueError
    for zero tolerance, which speaks of single samples, and where the two have not the same number of rows.
    """
    if limits.zero_tolerance:
        raise ValueError("zero tolerance needs a value for every sample, not a statistic of all of them")
    if len(baseline_rows) != len(candidate_rows):
        raise ValueError(f"{len(baseline_rows)} baseline rows for {len(candidate_rows)} candidate rows")
    if len(baseline_rows) == 0:
        return _nothing(limits)
    numbers = np.arange(len(baseline_rows)) if clusters is None else clusters
    confidence = 1.0 - 2.0 * limits.alpha
    if jackknife != "none":
        found = paired_jackknife(
            baseline_rows,
            candidate_rows,
            estimate,
            clusters,
            ends=ends,
            weighed_by=weighed_by,
            leverage=jackknife == "leverage",
            seed=seed,
            confidence=confidence,
            strict=strict,
        )
    else:

        def drawn(count: int) -> Verdict:
            return paired_bootstrap(
                baseline_rows, candidate_rows, estimate, clusters, seed=seed, resamples=count, confidence=confidence
            )

        found = settled(drawn, 1.0 - confidence, resamples=resamples)
    with values_only():
        before, after = estimate(baseline_rows, numbers).value, estimate(candidate_rows, numbers).value
    found = _with_lost(found, lost, ends)
    outcome = _by_bounds(found, limits, higher_is_better)
    needed = None
    if outcome.is_open and math.isfinite(found.low):
        value, reach = (found.value, found.low) if higher_is_better else (-found.value, -found.high)
        distance = value + limits.margin
        factor = math.inf if distance == 0.0 else ((value - reach) / distance) ** 2
        needed = math.ceil(found.n * factor) + 1 if factor <= _MOST_SAMPLES else None
    return _verdict(outcome, found, before, after, limits, higher_is_better, exact=None, needed=needed)


def _with_lost(found: Verdict, lost: int, ends: Ends) -> Verdict:
    """Bounds moved by all that the lost samples' part of the whole can hold."""
    lowest, highest = ends
    if lost == 0:
        return found
    known = lowest is not None and highest is not None
    part = lost / (lost + found.n) * (highest - lowest) if lowest is not None and highest is not None else 0.0
    why = _lost_in_words(lost, counted=known)
    return replace(found, low=found.low - part, high=found.high + part, left_out=lost, why=why)


def _lost_in_words(lost: int, *, counted: bool) -> str:
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


def _by_bounds(found: Verdict, limits: GateLimits, higher_is_better: bool) -> GateOutcome:
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
    factor = smallest_factor(decided, _MOST_SAMPLES, 1.001)
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
    return _verdict(outcome, found, before, after, limits, pairs.higher_is_better, exact=exact, reason=reason)


def _nothing(limits: GateLimits) -> GateVerdict:
    nan = math.nan
    return GateVerdict(
        GateOutcome.INCONCLUSIVE,
        *(nan, nan, nan, nan, nan, nan),
        mcnemar_p=None,
        n=0,
        clusters=0,
        how="n=0",
        needed=None,
        margin=limits.margin,
        reason="There is no sample that both runs have.",
    )


def _verdict(
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
    return GateVerdict(
        outcome,
        before,
        after,
        found.value,
        found.low,
        found.high,
        found.p_value,
        exact,
        found.n,
        found.clusters,
        found.how,
        needed,
        limits.margin,
        reason or _reason(outcome, low, high, limits, found, "drop" if higher_is_better else "rise"),
        found.left_out,
    )


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
