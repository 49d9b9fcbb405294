"""What a gate on a metric that is not a mean of samples (macro F1, BLEU) detects, from the baseline's pseudo-values."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.outcomes import GateOutcome
from evalkit.comparing.gates.planning import PowerPlan, plan_of_draws, rates
from evalkit.stats.bootstrap import FEWEST
from evalkit.stats.clusters import renumber
from evalkit.stats.jackknife import GROUPS, pseudo_values
from evalkit.stats.simulated_values import draw_differences, symmetric, unchanged

if TYPE_CHECKING:
    from evalkit.core import Ends, Estimate, FloatRows, IntArray

_SETS, _SEARCH_SETS = 4_000, 2_000
_MOST_SAMPLES = 10_000_000


def plan_statistic(
    rows: FloatRows,
    clusters: IntArray | None,
    estimate: Callable[[FloatRows, IntArray], Estimate],
    limits: GateLimits,
    *,
    ends: Ends,
    correlation: float = 0.5,
    again: FloatRows | None = None,
    higher_is_better: bool = True,
    power: float = 0.8,
    seed: int = 0,
) -> PowerPlan | None:
    """PowerPlan of a metric over the baseline's `rows` (n, width), None where too little is known to plan.

    Two runs of one model have pseudo-values of the baseline's distribution that correlate so far, or, with an earlier
    candidate's rows (`again`, of the same samples), differences as large as were seen. Data sets of such differences
    are decided as a gate decides.
    """
    n = len(rows)
    _, count = renumber(clusters, n)
    if count < FEWEST or limits.zero_tolerance:
        return None
    own = pseudo_values(rows, estimate, clusters)
    if not np.isfinite(own).all():
        return None
    kinds = unchanged(own, correlation)
    if again is not None:
        other = pseudo_values(again, estimate, clusters)
        if not np.isfinite(other).all():
            return None
        kinds = symmetric(other - own)
    value, groups = float(own.mean()), len(own)
    lowest, highest = ends
    down = up = math.inf
    if lowest is not None and highest is not None:
        inside = min(max(value, lowest), highest)
        down, up = (inside - lowest, highest - inside) if higher_is_better else (highest - inside, inside - lowest)
    drawn = draw_differences(kinds, [1] * groups, 0.0, _SETS, 1.0, np.random.default_rng(seed))
    levels, chances = kinds
    variance = max(0.0, float(chances @ levels**2 - (chances @ levels) ** 2))
    return plan_of_draws(
        replace(drawn, down=down, up=up),
        limits,
        power,
        n=n,
        effective_n=float(n),
        # Of one sample, as everywhere; a group's is smaller by the root of its size.
        deviation=math.sqrt(variance * n / groups),
        needed=_needed(limits, kinds, n / groups, (down, up), power, seed),
        how=f"{_SETS:,} draws of the baseline's pseudo-values",
    )


def _needed(
    limits: GateLimits,
    kinds: tuple[FloatRows, FloatRows],
    per_group: float,
    reach: tuple[float, float],
    power: float,
    seed: int,
) -> int | None:
    """The least n with the wished-for power, to about 2 %. `kinds` are of groups that hold `per_group` samples; those
    of more samples differ less, by the root of their number."""
    if limits.margin == 0.0 or (limits.any_drop_blocks and power > limits.confidence):
        return None
    levels, chances = kinds

    def enough(n: int) -> bool:
        groups = min(n, GROUPS)
        scaled = levels * math.sqrt(per_group * groups / n), chances
        drawn = draw_differences(scaled, [1] * groups, 0.0, _SEARCH_SETS, 1.0, np.random.default_rng(seed))
        found = rates(replace(drawn, down=reach[0], up=reach[1]), limits)
        return found[GateOutcome.PASS] + found[GateOutcome.DEGRADED] >= power

    least, most = 1, FEWEST
    while not enough(most):
        least, most = most, 2 * most
        if most > _MOST_SAMPLES:
            return None
    while most > 1.02 * least + 1:
        middle = (least + most) // 2
        least, most = (least, middle) if enough(middle) else (middle, most)
    return most
