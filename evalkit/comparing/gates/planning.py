"""What a set of samples and a margin can detect, before anything is run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.comparing.gates.decide import outcomes
from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.outcomes import GateOutcome
from evalkit.stats.difference import bounds
from evalkit.stats.intervals import quantile
from evalkit.stats.moments import Moments
from evalkit.stats.power import detectable, needed_n
from evalkit.stats.power import power as normal_power
from evalkit.stats.simulated_answers import Answers, draw_moments
from evalkit.stats.simulated_values import draw_differences

if TYPE_CHECKING:
    from evalkit.core import FloatRows

_SETS = 10_000
_SEARCH_SETS = 4_000
LARGEST_CLUSTER = 60
"""Clusters beyond this size have too many outcomes to draw; the closed form then speaks for them."""
_MOST_SAMPLES = 10_000_000
_FEWEST_SETS, _MOST_CELLS = 1_000, 10_000_000
_QUICK_SETS, _QUICK_CELLS = 200, 1_000_000
"""Where someone waits for it: a chance near 80 % is then known to 3 points."""


@dataclass(frozen=True, slots=True)
class PowerPlan:
    """What to expect of a gate on `n` samples (worth `effective` independent ones) where nothing changed.

    `power_at_no_change` is the chance to be let through (PASS, or DEGRADED unless any drop blocks); `pass_rate`,
    `degraded_rate`, `fail_rate`, `worse_rate` and `inconclusive_rate` are those of the verdicts. `sd` is the standard
    deviation of one pair's difference. `minimum_detectable` is the smallest margin that is let through with the
    wished-for `power`; `needed` the number of samples that the margin at hand needs for it (None where no number does).
    `how` says where the numbers come from: draws from a model of the answers, decided like any gate, or the normal
    distribution.
    """

    n: int
    effective: float
    sd: float
    margin: float
    confidence: float
    power: float
    power_at_no_change: float
    pass_rate: float
    degraded_rate: float
    fail_rate: float
    worse_rate: float
    inconclusive_rate: float
    minimum_detectable: float
    needed: int | None
    how: str

    @property
    def resolves(self) -> bool:
        """Whether the set can tell a drop of the margin from none with the wished-for power."""
        return self.power_at_no_change >= self.power


def plan(
    n: int,
    limits: GateLimits,
    *,
    sd: float | None = None,
    proportion: float | None = None,
    correlation: float = 0.0,
    cluster_size: float = 1.0,
    icc: float = 0.0,
    power: float = 0.8,
    seed: int = 0,
) -> PowerPlan:
    """PowerPlan for the standard deviation of the paired differences, or for a proportion p and the runs' correlation
    φ.

    For shares σ_d² = 2·p·(1 - p)·(1 - φ), and the rates come from 10,000 seeded draws that are decided as a gate
    decides; for a standard deviation, and for clusters of more than 60 samples, from the normal distribution. Clusters
    of a mean size m with intra-cluster correlation `icc` of the differences make n samples worth
    n / (1 + (m - 1)·icc). Raises ValueError unless exactly one of `sd` and `share` is given, and for values out of
    range.
    """
    if (sd is None) == (proportion is None):
        raise ValueError("give either sd or proportion")
    if n < 1 or not 0.0 < power < 1.0:
        raise ValueError(f"a plan needs a sample at least and a power between 0 and 1, found {n} and {power}")
    if proportion is None:
        assert sd is not None
        if limits.zero_tolerance:
            raise ValueError("zero tolerance counts samples: give share and correlation")
        return _by_normal(n, limits, sd, cluster_size, icc, power)
    answers = Answers(proportion, 0.0, correlation, max(1, round(cluster_size)), icc)
    if limits.zero_tolerance:
        return _strict(n, limits, answers, power)
    if answers.size > LARGEST_CLUSTER:
        return _by_normal(n, limits, answers.deviation, cluster_size, icc, power)
    return _by_draws(n, limits, answers, power, seed)


def plan_differences(
    sizes: Sequence[int],
    limits: GateLimits,
    kinds: tuple[FloatRows, FloatRows],
    *,
    reach: float,
    icc: float = 0.0,
    power: float = 0.8,
    sets: int | None = None,
    seed: int = 0,
) -> PowerPlan:
    """PowerPlan for scores of any scale with ends, such as F1, grades or pass@k, over clusters of these `sizes`.

    `kinds` are the differences of a pair where nothing changed and their probabilities
    (`evalkit.stats.simulated_values`), `reach` the largest there can be. `sets` asks for so many draws, or for fewer
    where samples are many. Rates come from seeded draws that are decided
    as a gate decides. `needed` is where the bounds' own formula has the wished-for power.
    """
    n = int(sum(sizes))
    if sets is None:
        sets = max(_FEWEST_SETS, min(_SETS, _MOST_CELLS // n))
    else:
        sets = max(_QUICK_SETS, min(sets, _QUICK_CELLS // n))
    drawn = draw_differences(kinds, sizes, icc, sets, reach, np.random.default_rng(seed))
    levels, chances = kinds
    variance = float(chances @ levels**2 - (chances @ levels) ** 2)
    kish = float(np.square(np.asarray(sizes, dtype=np.float64)).sum()) / n
    deff = 1.0 + (kish - 1.0) * icc
    return plan_of_draws(
        drawn,
        limits,
        power,
        n=n,
        effective_n=n / deff,
        deviation=math.sqrt(max(variance, 0.0)),
        needed=_needed_by_formula(limits, variance, deff, reach, power),
        how=f"{sets:,} draws of the baseline's scores",
    )


def plan_of_draws(
    drawn: Moments,
    limits: GateLimits,
    power: float,
    *,
    n: int,
    effective_n: float,
    deviation: float,
    needed: int | None,
    how: str,
) -> PowerPlan:
    """The plan that data sets drawn where nothing changed make, decided as a gate decides."""
    found = rates(drawn, limits)
    low, _ = bounds(drawn, limits.alpha, strict=True)
    lows = np.nan_to_num(low, nan=-drawn.down)
    return PowerPlan(
        n,
        effective_n,
        deviation,
        limits.margin,
        limits.confidence,
        power,
        found[GateOutcome.PASS] + found[GateOutcome.DEGRADED],
        found[GateOutcome.PASS],
        found[GateOutcome.DEGRADED],
        found[GateOutcome.FAIL],
        found[GateOutcome.WORSE],
        found[GateOutcome.INCONCLUSIVE],
        -float(np.quantile(lows, 1.0 - power, method="lower")),
        needed,
        how,
    )


def _needed_by_formula(limits: GateLimits, variance: float, deff: float, reach: float, power: float) -> int | None:
    """The least n at which a lower bound lies above -margin with the wished-for power, the unseen change in it."""
    if limits.margin == 0.0 or (limits.any_drop_blocks and power > limits.confidence):
        return None
    z, wished = quantile(1.0 - 2.0 * limits.alpha), quantile(2.0 * power - 1.0) if power > 0.5 else 0.0

    def enough(n: float) -> bool:
        total = n * variance * deff
        reached = reach * deff + z * math.sqrt(total + (reach * deff) ** 2) + wished * math.sqrt(total)
        return reached <= limits.margin * n

    most = 1.0
    while not enough(most):
        most *= 2.0
        if most > _MOST_SAMPLES:
            return None
    least = most / 2.0
    while most - least > 1.0:
        middle = (least + most) / 2.0
        least, most = (least, middle) if enough(middle) else (middle, most)
    return math.ceil(most)


def rates(found: Moments, limits: GateLimits) -> dict[GateOutcome, float]:
    """How often each verdict comes in the data sets of `found`."""
    proportions = np.bincount(outcomes(found, limits), minlength=len(GateOutcome)) / len(found.n)
    return dict(zip(GateOutcome, proportions.tolist(), strict=True))


def suite_power(plans: Sequence[PowerPlan]) -> float:
    """The chance that every task is let through where nothing changed: the product (tasks taken as independent)."""
    return math.prod(each.power_at_no_change for each in plans)


def _by_normal(n: int, limits: GateLimits, sd: float, cluster_size: float, icc: float, power: float) -> PowerPlan:
    from scipy import special

    deff = 1.0 + (cluster_size - 1.0) * icc
    effective = n / deff
    inside = normal_power(effective, sd, limits.margin, limits.alpha)
    worse = 0.0 if sd == 0.0 else limits.alpha
    z = quantile(1.0 - 2.0 * limits.alpha)
    reach = math.inf if sd == 0.0 else limits.margin * math.sqrt(effective) / sd
    # Of the significant drops, those whose lower bound is above the margin; a FAIL lies wholly beyond it.
    degraded = max(0.0, worse - float(special.ndtr(z - reach))) if worse else 0.0
    failed = float(special.ndtr(-reach - z)) if worse else 0.0
    if limits.any_drop_blocks:
        inside, degraded, failed = inside - degraded, 0.0, worse
    passed, unclear = inside - degraded, max(0.0, worse - degraded - failed)
    samples = needed_n(sd, limits.margin, limits.alpha, power) * deff
    return PowerPlan(
        n,
        effective,
        sd,
        limits.margin,
        limits.confidence,
        power,
        inside,
        passed,
        degraded,
        failed,
        unclear,
        1.0 - inside - failed - unclear,
        detectable(effective, sd, limits.alpha, power),
        math.ceil(samples) if math.isfinite(samples) else None,
        "normal distribution",
    )


def _by_draws(n: int, limits: GateLimits, answers: Answers, power: float, seed: int) -> PowerPlan:
    return plan_of_draws(
        draw_moments(answers, n, _SETS, np.random.default_rng(seed)),
        limits,
        power,
        n=n,
        effective_n=n / answers.design_effect,
        deviation=answers.deviation,
        needed=_needed(n, limits, answers, power, seed),
        how=f"{_SETS:,} draws",
    )


def _needed(n: int, limits: GateLimits, answers: Answers, power: float, seed: int) -> int | None:
    """The least n with the wished-for power, to about 1 %: doubled until it is enough, then halved between."""

    def enough(samples: int) -> bool:
        found = rates(draw_moments(answers, samples, _SEARCH_SETS, np.random.default_rng(seed)), limits)
        return found[GateOutcome.PASS] + found[GateOutcome.DEGRADED] >= power

    # Where any drop blocks, chance alone blocks α of all that did not change.
    if limits.margin == 0.0 or (limits.any_drop_blocks and power > limits.confidence):
        return None
    start = needed_n(answers.deviation, limits.margin, limits.alpha, power) * answers.design_effect
    least, most = 1, max(2 * answers.size, math.ceil(start))
    while not enough(most):
        least, most = most, 2 * most
        if most > _MOST_SAMPLES:
            return None
    while most > 1.01 * least + 1:
        middle = round(math.sqrt(least * most)) if most > 4 * least else (least + most) // 2
        least, most = (least, middle) if enough(middle) else (middle, most)
    return most


def _strict(n: int, limits: GateLimits, answers: Answers, power: float) -> PowerPlan:
    """Zero tolerance passes only where not one sample got worse."""
    _, losses, _, _ = answers.cells
    through = (1.0 - losses) ** n
    most = math.inf if losses == 0.0 else math.log(power) / math.log1p(-losses) if losses < 1.0 else 0.0
    return PowerPlan(
        n,
        float(n),
        answers.deviation,
        0.0,
        limits.confidence,
        power,
        through,
        through,
        0.0,
        1.0 - through,
        0.0,
        0.0,
        0.0,
        n if n <= most else None,
        "no sample may get worse",
    )
