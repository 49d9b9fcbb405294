"""A verdict that may be asked for after any sample: its bounds hold at any time (`evalkit.stats.betting`)."""

from __future__ import annotations

import math
from dataclasses import replace

from evalkit.comparing.gates.decide import decide, decide_bounds
from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.outcomes import GateOutcome, GateVerdict, Pairs
from evalkit.core import UsageError
from evalkit.stats.betting import Units, anytime_bounds, is_above, log_wealth, units_of
from evalkit.stats.power import smallest_factor
from evalkit.stats.verdict import Verdict

_MOST = 10_000.0


def anytime_verdict(pairs: Pairs, limits: GateLimits, *, last: bool = True, largest: int = 1) -> GateVerdict:
    """The verdict on all pairs so far, which came in a random order, whole clusters at a time.

    It errs with probability α at most, however often it was asked for before: PASS and DEGRADED where the drop is the
    margin, FAIL where it is none. Pairs that one side could not measure count at their worst and best. `largest` is the
    size of the largest cluster of the whole task. With zero tolerance a sample that got worse decides at once, and PASS
    waits for the `last` look. Raises UsageError for scores without ends: a single one could be any number.
    """
    lowest, highest = pairs.ends
    if limits.zero_tolerance:
        found = decide(pairs, limits)
        if found.outcome is GateOutcome.PASS and not last:
            return replace(found, outcome=GateOutcome.INCONCLUSIVE, reason=f"{found.reason} More samples are to come.")
        return found
    if lowest is None or highest is None:
        raise UsageError("--adaptive decides scores with ends, such as proportions", fix="--sequential 5")
    reach = highest - lowest
    least, most = (_units(pairs.completed(worst=worst), reach, largest) for worst in (True, False))
    low, high = anytime_bounds(least, limits.alpha)[0], anytime_bounds(most, limits.alpha)[1]
    n, count = len(pairs.baseline), int(least.counts.sum())
    turn = 1.0 if pairs.higher_is_better else -1.0
    difference = float((pairs.candidate - pairs.baseline).mean()) if n else math.nan
    made = Verdict(
        difference,
        *((low, high) if turn > 0.0 else (-high, -low)),
        _p_value(least, most),
        n,
        count,
        "bets" if count == n else f"bets, {count} clusters",
        1.0 - 2.0 * limits.alpha,
        0 if pairs.lost is None else len(pairs.lost.places),
        "" if pairs.lost is None else "those that one side could not measure at their worst and best",
    )
    before, after = (float(one.mean()) if n else math.nan for one in (pairs.baseline, pairs.candidate))
    found = decide_bounds(made, limits, before=before, after=after, higher_is_better=pairs.higher_is_better)
    if not found.outcome.is_open or not n:
        return found
    return decide_bounds(
        made,
        limits,
        before=before,
        after=after,
        higher_is_better=pairs.higher_is_better,
        needed=_needed(n, least, most, limits),
    )


def _units(pairs: Pairs, reach: float, largest: int) -> Units:
    """The differences, turned so that higher is better."""
    turn = 1.0 if pairs.higher_is_better else -1.0
    d = turn * (pairs.candidate - pairs.baseline)
    return units_of(d, pairs.clusters, down=reach, up=reach, most=float(largest))


def _p_value(least: Units, most: Units) -> float:
    """Of no difference, two-sided: what was won is at least 1/p with a probability of at most p."""
    won = max(log_wealth(least, 0.0), log_wealth(most.turned, 0.0))
    return min(1.0, 2.0 * math.exp(-won))


def _needed(n: int, least: Units, most: Units, limits: GateLimits) -> int | None:
    """How many samples of the same kind would decide, if the difference stayed as it was measured."""

    def decided(factor: float) -> bool:
        lower, upper = (replace(units, counts=units.counts * factor) for units in (least, most))
        if is_above(lower, -limits.margin, limits.alpha) or is_above(upper.turned, limits.margin, limits.alpha):
            return True
        return limits.any_drop_blocks and is_above(upper.turned, 0.0, limits.alpha)

    factor = smallest_factor(decided, _MOST, 1.01)
    return None if factor is None else math.ceil(n * factor)
