"""What to expect of a gate on one task where nothing changed: the calculation that plans and runs share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalkit.comparing.gates.assess import ends_of
from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.outcomes import GateOutcome
from evalkit.comparing.gates.planning import PowerPlan, plan, plan_differences
from evalkit.comparing.gates.policy import Policy
from evalkit.comparing.gates.report import Expectation, GateRow
from evalkit.comparing.pairing import PairedTask, PairedValues, is_per_sample, values_of

if TYPE_CHECKING:
    from evalkit.core import Ends, FloatRows

CORRELATION = 0.5
"""Of two runs' answers, where none was measured."""
POWER = 0.8
PRIOR = 10
"""An assumed correlation counts as much as so many measured pairs: five that did not differ prove little."""
_SETS = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What a plan knows of one task's metric: the baseline's `own` scores, those `again` of an earlier candidate, and
    what is asked of them. `assumed` is the correlation of two runs where nothing was measured."""

    own: PairedValues
    again: PairedValues | None
    limits: GateLimits
    reach: float
    assumed: float = CORRELATION

    @staticmethod
    def of(
        paired: PairedTask,
        metric: str,
        policy: Policy,
        *,
        assumed: float = CORRELATION,
        again: PairedValues | None = None,
    ) -> Asked:
        """For the baseline's scores of the samples that both sides have. Metrics that `is_per_sample` only."""
        own = values_of(paired, metric)
        mean = float(own.baseline.mean()) if len(own.baseline) else math.nan
        limits = policy.limits(paired.name, paired.baseline.columns[metric].scale, mean)
        return Asked(own, again, limits, _reach(ends_of(paired, metric)), assumed)

    @property
    def n(self) -> int:
        return len(self.own.baseline)

    @property
    def mean(self) -> float:
        return float(self.own.baseline.mean()) if self.n else math.nan

    @property
    def proportion(self) -> float:
        """Of right answers, as a plan takes it: half a sample more of each kind, so that none right of five is no 0."""
        return (float(self.own.baseline.sum()) + 0.5) / (self.n + 1.0)

    @property
    def sizes(self) -> list[int]:
        """Of the clusters, 1 for a sample that is alone."""
        import numpy as np

        if self.own.clusters is None:
            return [1] * self.n
        return [int(size) for size in np.unique(self.own.clusters, return_counts=True)[1]]

    @property
    def size(self) -> int:
        """The mean size of a cluster, as a whole number."""
        return max(1, round(self.n / max(1, len(self.sizes))))

    @property
    def icc(self) -> float:
        return 0.1 if len(self.sizes) < self.n else 0.0

    @property
    def is_right_or_wrong(self) -> bool:
        import numpy as np

        return bool(np.isin(self.own.baseline, (0.0, 1.0)).all())

    @property
    def correlation(self) -> float:
        """Between the two runs' right and wrong answers: as assumed, moved by the pairs that were measured."""
        apart = 2.0 * self.proportion * (1.0 - self.proportion)
        if self.again is None:
            return self.assumed
        differ = float((self.again.baseline != self.again.candidate).sum())
        proportion = (PRIOR * apart * (1.0 - self.assumed) + differ) / (PRIOR + len(self.again.baseline))
        return min(1.0, max(0.0, 1.0 - proportion / apart))

    @property
    def kinds(self) -> tuple[FloatRows, FloatRows]:
        """The differences of a pair where nothing changed, and their probabilities; measured ones next to assumed."""
        import numpy as np

        from evalkit.stats.simulated_values import symmetric, unchanged

        assumed = unchanged(self.own.baseline, self.assumed)
        if self.again is None or not len(self.again.baseline):
            return assumed
        seen, n = symmetric(self.again.candidate - self.again.baseline), len(self.again.baseline)
        chances = np.concatenate([PRIOR * assumed[1], n * seen[1]]) / (PRIOR + n)
        return np.concatenate([assumed[0], seen[0]]), chances

    @property
    def deviation(self) -> float:
        """Of a pair's difference, by the cluster-robust error where pairs were measured."""
        # Two runs of one spread: the variance of their difference is 2·σ²·(1 - ρ).
        assumed = float(self.own.baseline.std(ddof=1)) * math.sqrt(2.0 * (1.0 - self.assumed)) if self.n > 1 else 0.0
        if self.again is None or not len(self.again.baseline):
            return assumed
        n = len(self.again.baseline)
        return math.sqrt((PRIOR * assumed**2 + n * _clustered_sd(self.again) ** 2) / (PRIOR + n))


def planned(asked: Asked, power: float = POWER, *, sets: int | None = None) -> PowerPlan:
    """The plan of one task; `sets` draws instead of the usual number where scores are graded."""
    n, sizes = asked.n, asked.sizes
    size = n / len(sizes) if sizes else 1.0
    if asked.is_right_or_wrong:
        known = asked.correlation
        return plan(
            n,
            asked.limits,
            proportion=asked.proportion,
            correlation=known,
            cluster_size=size,
            icc=asked.icc,
            power=power,
        )
    if math.isinf(asked.reach):
        alone = asked.again is None
        inside = asked.icc if alone else 0.0
        return plan(n, asked.limits, sd=asked.deviation, power=power, cluster_size=size if alone else 1.0, icc=inside)
    return plan_differences(sizes, asked.limits, asked.kinds, reach=asked.reach, icc=asked.icc, power=power, sets=sets)


def expectations(pairs: Sequence[PairedTask], policy: Policy) -> tuple[Expectation, ...]:
    """What each task's gate can tell, of all that are decided by themselves and by a mean over samples."""
    found = []
    for paired in pairs:
        metric = policy.of(paired.name).metric or paired.primary_metric
        if not policy.is_decided_alone(paired.name) or not is_per_sample(paired, metric):
            continue
        asked = Asked.of(paired, metric, policy)
        if not asked.n or asked.limits.zero_tolerance:
            continue
        made = planned(asked, sets=_SETS)
        scale = paired.baseline.columns[metric].scale
        found.append(
            Expectation(
                paired.name,
                metric,
                made.n,
                made.margin,
                made.power_at_no_change,
                made.minimum_detectable,
                made.needed,
                scale,
            )
        )
    return tuple(found)


def with_needed(rows: Sequence[GateRow], pairs: Sequence[PairedTask], policy: Policy) -> list[GateRow]:
    """Rows whose INCONCLUSIVE tasks say how many samples would decide: as many as a plan that knows this run asks for,
    or as many as this difference takes, if that is more."""
    by_name = {paired.name: paired for paired in pairs}
    found = []
    for row in rows:
        verdict, paired = row.verdict, by_name.get(row.task)
        undecided = verdict.outcome is GateOutcome.INCONCLUSIVE and row.kind == "score" and paired is not None
        if undecided and paired is not None and verdict.n and is_per_sample(paired, row.metric):
            asked = Asked.of(paired, row.metric, policy, again=values_of(paired, row.metric))
            if not asked.limits.zero_tolerance:
                needed = planned(asked, sets=_SETS).needed
                most = max((one for one in (needed, verdict.needed) if one is not None), default=None)
                row = replace(row, verdict=replace(verdict, needed=most))
        found.append(row)
    return found


def _reach(ends: Ends) -> float:
    lowest, highest = ends
    return math.inf if lowest is None or highest is None else highest - lowest


def _clustered_sd(pairs: PairedValues) -> float:
    """The standard deviation that gives the cluster-robust standard error for as many independent samples."""
    from evalkit.stats import standard_error

    d = pairs.candidate - pairs.baseline
    error = standard_error(d, pairs.clusters)
    return error * math.sqrt(len(d)) if math.isfinite(error) else 0.0
