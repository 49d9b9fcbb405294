"""The decision: pairs of scores and limits to a verdict."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.outcomes import GateOutcome, GateVerdict, Pairs, shown
from evalkit.stats.difference import beyond
from evalkit.stats.exact import clopper_pearson, mcnemar_exact
from evalkit.stats.moments import Moments, moments
from evalkit.stats.paired import Difference, paired_bootstrap, paired_interval

if TYPE_CHECKING:
    from evalkit.core import Estimate, FloatRows, IntArray

_MOST_SAMPLES = 10_000
"""`needed` is not told beyond this many times the samples at hand: the drop then lies at the margin itself."""


def decide(pairs: Pairs, limits: GateLimits, *, strict: bool = True) -> GateVerdict:
    """The verdict on a metric that is a mean over samples.

    With L and U the one-sided bounds of candidate - baseline (turned so that higher is better) and δ the margin: FAIL
    where U < -δ, or U < 0 and any drop blocks; else, where L > -δ, DEGRADED if U < 0 and PASS if not; else
    INCONCLUSIVE. A significant drop that may also exceed the margin is INCONCLUSIVE, so that a drop of δ gets through,
    as PASS or DEGRADED, with a probability of at most α.

    `strict` bounds (`evalkit.stats.difference.bounds`) keep the error rates of a decision; what only describes a
    difference takes the others, which cover it evenly. Raises ValueError for values that are not finite.
    """
    found = paired_interval(pairs.baseline, pairs.candidate, pairs.clusters, 1.0 - 2.0 * limits.alpha, strict=strict)
    n = len(pairs.baseline)
    if n == 0:
        return _nothing(limits)
    before, after = float(pairs.baseline.mean()), float(pairs.candidate.mean())
    exact = _mcnemar(pairs)
    if limits.zero_tolerance:
        return _strict(pairs, found, before, after, exact, limits)
    sides = (pairs.baseline, pairs.candidate) if pairs.higher_is_better else (pairs.candidate, pairs.baseline)
    turned = moments(*sides, pairs.clusters)
    outcome = list(GateOutcome)[int(outcomes(turned, limits, strict=strict))]
    needed = _needed(turned, limits) if outcome is GateOutcome.INCONCLUSIVE else None
    return _verdict(outcome, found, before, after, limits, pairs.higher_is_better, exact=exact, needed=needed)


def decide_statistic(
    baseline_rows: FloatRows,
    candidate_rows: FloatRows,
    clusters: IntArray | None,
    estimate: Callable[[FloatRows, IntArray], Estimate],
    limits: GateLimits,
    *,
    higher_is_better: bool = True,
    seed: int = 0,
    resamples: int = 1000,
) -> GateVerdict:
    """The verdict on a metric that is no mean of samples (pass@k, corpus BLEU, perplexity, a win rate).

    Rows of shape (n, width) are the metric's sufficient statistics of the same samples in the same order. The bounds
    are those of the paired cluster bootstrap (`evalkit.stats.paired.paired_bootstrap`); a margin is in the metric's
    own unit. `needed` is that of bounds that shrink with the root of the samples. Raises ValueError for zero
    tolerance, which speaks of single samples, and where the two have not the same number of rows.
    """
    if limits.zero_tolerance:
        raise ValueError("zero tolerance needs a value for every sample, not a statistic of all of them")
    if len(baseline_rows) != len(candidate_rows):
        raise ValueError(f"{len(baseline_rows)} baseline rows for {len(candidate_rows)} candidate rows")
    if len(baseline_rows) == 0:
        return _nothing(limits)
    numbers = np.arange(len(baseline_rows)) if clusters is None else clusters
    found = paired_bootstrap(
        baseline_rows,
        candidate_rows,
        estimate,
        clusters,
        seed=seed,
        resamples=resamples,
        confidence=1.0 - 2.0 * limits.alpha,
    )
    before, after = estimate(baseline_rows, numbers).value, estimate(candidate_rows, numbers).value
    outcome = _by_bounds(found, limits, higher_is_better)
    needed = None
    if outcome is GateOutcome.INCONCLUSIVE and math.isfinite(found.low):
        value, reach = (found.value, found.low) if higher_is_better else (-found.value, -found.high)
        distance = abs(value + limits.margin)
        factor = math.inf if distance == 0.0 else ((value - reach) / distance) ** 2
        needed = math.ceil(found.n * factor) + 1 if factor <= _MOST_SAMPLES else None
    return _verdict(outcome, found, before, after, limits, higher_is_better, exact=None, needed=needed)


def outcomes(found: Moments, limits: GateLimits, *, strict: bool = True) -> IntArray:
    """Of every data set of `found` (whose scores are better when higher) the place of its outcome in `GateOutcome`.

    One data set or ten thousand (benchmarks/gate_simulation.py): this is where it is decided.
    """
    at_margin = beyond(found, -limits.margin, limits.alpha, strict=strict)
    at_zero = beyond(found, 0.0, limits.alpha, strict=strict)
    return _codes(at_margin, at_zero, limits)


def _codes(at_margin: FloatRows, at_zero: FloatRows, limits: GateLimits) -> IntArray:
    """From the side that the bounds lie on (1 above, -1 below, 0 around, NaN unknown), of minus the margin and of 0."""
    failed = (at_margin < 0.0) | ((at_zero < 0.0) & limits.any_drop_blocks)
    inside, worse = at_margin > 0.0, at_zero < 0.0
    places = [_PLACES[each] for each in (GateOutcome.FAIL, GateOutcome.DEGRADED, GateOutcome.PASS)]
    chosen = np.select([failed, inside & worse, inside], places, _PLACES[GateOutcome.INCONCLUSIVE])
    return chosen.astype(np.int64)


_PLACES = {outcome: place for place, outcome in enumerate(GateOutcome)}


def _side(low: float, high: float, point: float) -> FloatRows:
    return np.asarray(np.nan if math.isnan(low) else float(low > point) - float(high < point))


def _by_bounds(found: Difference, limits: GateLimits, higher_is_better: bool) -> GateOutcome:
    low, high = (found.low, found.high) if higher_is_better else (-found.high, -found.low)
    return list(GateOutcome)[int(_codes(_side(low, high, -limits.margin), _side(low, high, 0.0), limits))]


def _needed(found: Moments, limits: GateLimits) -> int | None:
    """How many samples of the same kind would decide, if the difference stayed as it was measured."""

    def decided(factor: float) -> bool:
        return int(outcomes(found.scaled(np.asarray(factor)), limits)) != _PLACES[GateOutcome.INCONCLUSIVE]

    least, most = 1.0, 2.0
    while not decided(most):
        least, most = most, 2.0 * most
        if most > _MOST_SAMPLES:
            return None
    while most / least > 1.001:
        middle = math.sqrt(least * most)
        least, most = (least, middle) if decided(middle) else (middle, most)
    return math.ceil(float(found.n) * most)


def _mcnemar(pairs: Pairs) -> float | None:
    values = np.concatenate([pairs.baseline, pairs.candidate])
    if pairs.clusters is not None and len(np.unique(pairs.clusters)) < len(pairs.clusters):
        return None
    if pairs.repeats or not bool(((values == 0.0) | (values == 1.0)).all()):
        return None
    d = pairs.candidate - pairs.baseline
    return mcnemar_exact(int((d > 0.0).sum()), int((d < 0.0).sum()))


def _strict(
    pairs: Pairs, found: Difference, before: float, after: float, exact: float | None, limits: GateLimits
) -> GateVerdict:
    """Zero tolerance: one sample that got worse fails. What none at all rules out is said in the reason."""
    sign = 1.0 if pairs.higher_is_better else -1.0
    worse = int((sign * (pairs.candidate - pairs.baseline) < 0.0).sum())
    n = len(pairs.baseline)
    if worse:
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
    found: Difference,
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
        reason or _reason(outcome, low, high, limits, needed, found.how, "drop" if higher_is_better else "rise"),
    )


def _reason(
    outcome: GateOutcome, low: float, high: float, limits: GateLimits, needed: int | None, how: str, loss: str
) -> str:
    """One sentence in words; losses (a "drop", or a "rise" where lower is better) are told as positive numbers."""

    def told(number: float) -> str:
        return shown(number, proportion=limits.proportion)

    margin = told(limits.margin)
    if outcome is GateOutcome.FAIL:
        least = f"The {loss} is at least {told(-high)}"
        if high < -limits.margin:
            return f"{least}, more than the margin of {margin}."
        return f"{least}, and this policy lets no significant {loss} pass."
    if outcome is GateOutcome.PASS and low > 0.0:
        return f"It got better, by at least {told(low)}."
    if outcome is GateOutcome.PASS:
        return f"A {loss}, if there is any, is at most {told(max(-low, 0.0))}, less than the margin of {margin}."
    if outcome is GateOutcome.DEGRADED:
        return f"There is a {loss}, of {told(-high)} to {told(-low)}, inside the margin of {margin}."
    if math.isnan(low):
        return f"Nothing says how much the difference varies ({how})."
    worse = "It got worse, and the" if high < 0.0 else "The"
    reached = f"{worse} {loss} may be as large as {told(-low)}, more than the margin of {margin}"
    return f"{reached}; about {needed:,} samples would decide." if needed else f"{reached}."
