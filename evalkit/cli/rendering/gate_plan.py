"""What `evalkit gate plan` prints."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.comparing.gates.assess import ends_of
from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.outcomes import GateOutcome
from evalkit.comparing.gates.planning import LARGEST_CLUSTER, PowerPlan, plan, plan_differences, suite_power
from evalkit.comparing.gates.policy import Policy
from evalkit.comparing.gates.sequential import Schedule, plan_sequential
from evalkit.comparing.pairing import PairedValues, is_per_sample, pair_task, values_of
from evalkit.core import UsageError
from evalkit.core.outside_text import one_line
from evalkit.core.terminal import styled
from evalkit.stats.simulated_answers import Answers

if TYPE_CHECKING:
    from rich.console import Console

    from evalkit.comparing import TaskSide
    from evalkit.comparing.gates import Opened
    from evalkit.core import Ends, FloatRows


def show_plan(
    opened: Opened,
    policy: Policy,
    power: float,
    correlation: float,
    like: Opened | None,
    schedule: Schedule | None = None,
) -> None:
    """A line a task, the chance of the whole suite, and which margins its sets cannot resolve.

    With a `schedule` another line a task says what to expect of a gate that looks so often.
    """
    from rich.table import Table

    from evalkit.cli.rendering.output import console, print_toys

    policy.check_names(list(opened.sides))
    out = console()
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("task / metric", overflow="fold", min_width=12)
    for name in ("n", "margin", "P(pass)", "smallest", "needed"):
        table.add_column(name, justify="right", no_wrap=True)
    plans: list[tuple[str, PowerPlan]] = []
    looks: list[str] = []
    for side in opened.sides.values():
        if not policy.covers(side.name):
            continue
        metric = policy.of(side.name).metric or side.primary_metric
        made = _planned(side, metric, policy, power, correlation, like)
        name = one_line(f"{side.name} {metric}")
        if made is None:
            table.add_row(name, f"{side.n:,}", "–", "–", "–", "–")
            out.print(f"{name}: no mean over samples: what it can tell is known only afterwards", soft_wrap=True)
            continue
        plans.append((name, made))
        if schedule is not None:
            looks.append(f"{name}: {_looked(_Asked.of(side, metric, policy, correlation, like), schedule)}")
        scale = side.columns[metric].scale
        table.add_row(
            name,
            f"{made.n:,}",
            _units(made.margin, scale),
            f"{100 * made.power_at_no_change:.0f} %",
            _units(made.minimum_detectable, scale),
            "–" if made.needed is None else f"{made.needed:,}",
        )
    out.print(table)
    print_toys(out, (side.name for side in opened.sides.values() if side.toy and policy.covers(side.name)))
    out.print()
    source = f"measured on {like.name}" if like else f"assuming a correlation of {correlation:g} between the runs"
    _remarks(
        out, plans, looks, f"P(pass): where nothing changed; smallest: margin passed with {100 * power:g} %; {source}"
    )


def _remarks(out: Console, plans: list[tuple[str, PowerPlan]], looks: list[str], legend: str) -> None:
    """What stands below the table."""
    if len(plans) > 1:
        chance = suite_power([made for _, made in plans])
        out.print(f"all {len(plans)} tasks pass, where nothing changed: {100 * chance:.0f} %")
    for line in looks:
        out.print(line, soft_wrap=True)
    out.print(legend, style="dim", soft_wrap=True)
    for name, made in plans:
        if made.resolves:
            continue
        needs = f"{made.needed:,} samples" if made.needed is not None else "a margin above 0"
        out.print(
            styled(
                ("warning", "yellow"),
                f" {name}: {made.n:,} samples cannot resolve this margin; it takes {needs}",
            ),
            soft_wrap=True,
        )


def _units(value: float, scale: str) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{100 * value:.1f} pt" if scale == "proportion" else f"{value:.3g}"


def _looked(asked: _Asked, schedule: Schedule) -> str:
    """What to expect of a gate that looks several times, of no change and of a drop of twice the margin."""
    if not asked.is_right_or_wrong or asked.limits.zero_tolerance or asked.size > LARGEST_CLUSTER:
        return "looks are planned for right and wrong answers alone, in clusters of at most 60"
    told = []
    for words, drop in (("where nothing changed", 0.0), ("of a drop of twice the margin", 2.0 * asked.limits.margin)):
        if drop > asked.mean:
            continue
        answers = Answers(asked.mean, drop, asked.correlation, asked.size, asked.icc)
        try:
            made = plan_sequential(asked.n, asked.limits, schedule, answers)
        except ValueError as error:
            raise UsageError(f"{asked.n:,} samples are too few for so many looks", found=str(error)) from None
        through = made.rates[GateOutcome.PASS] + made.rates[GateOutcome.DEGRADED]
        ended = ", ".join(f"{100 * part:.0f}" for part in made.stopped)
        rate = f"{100 * through:.0f} % pass" if drop == 0.0 else f"{100 * made.rates[GateOutcome.FAIL]:.0f} % fail"
        told.append(f"{words} {rate}, after {made.expected_n:,.0f} of {made.n:,} samples (decided by look: {ended} %)")
    return f"{len(schedule.fractions)} looks: {'; '.join(told)}"


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """What a plan knows of one task's metric: the baseline's `own` scores, an earlier candidate's (`again`), limits."""

    own: PairedValues
    again: PairedValues | None
    limits: GateLimits
    reach: float
    assumed: float

    @staticmethod
    def of(side: TaskSide, metric: str, policy: Policy, correlation: float, like: Opened | None) -> _Asked:
        alone = pair_task(side, side)
        own = values_of(alone, metric)
        mean = float(own.baseline.mean()) if len(own.baseline) else math.nan
        again = values_of(pair_task(side, like.sides[side.name]), metric) if like and side.name in like.sides else None
        limits = policy.limits(side.name, side.columns[metric].scale, mean)
        return _Asked(own, again, limits, _reach(ends_of(alone, metric)), correlation)

    @property
    def n(self) -> int:
        return len(self.own.baseline)

    @property
    def mean(self) -> float:
        return float(self.own.baseline.mean()) if self.n else math.nan

    @property
    def sizes(self) -> list[int]:
        """Of the clusters, 1 for a sample that stands alone."""
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
        """Between the two runs' right and wrong answers: as measured, or as assumed."""
        return self.assumed if self.again is None else _correlation(self.again.baseline, self.again.candidate)


def _planned(
    side: TaskSide, metric: str, policy: Policy, power: float, correlation: float, like: Opened | None
) -> PowerPlan | None:
    if metric not in side.columns:
        raise UsageError(f"task {side.name!r} has no metric {metric!r}", found=", ".join(side.columns))
    if not is_per_sample(pair_task(side, side), metric):
        return None
    from evalkit.stats.simulated_values import symmetric, unchanged

    asked = _Asked.of(side, metric, policy, correlation, like)
    n, own, again, limits, sizes = asked.n, asked.own, asked.again, asked.limits, asked.sizes
    size = n / len(sizes) if sizes else 1.0
    if asked.is_right_or_wrong:
        return plan(
            n,
            limits,
            proportion=asked.mean,
            correlation=asked.correlation,
            cluster_size=size,
            icc=asked.icc,
            power=power,
        )
    if again is not None:
        kinds, spread = symmetric(again.candidate - again.baseline), _clustered_sd(again)
    else:
        # Two runs of one spread: the variance of their difference is 2·σ²·(1 - ρ).
        kinds = unchanged(own.baseline, correlation)
        spread = float(own.baseline.std(ddof=1)) * math.sqrt(2.0 * (1.0 - correlation)) if n > 1 else 0.0
    if math.isinf(asked.reach):
        inside = asked.icc if again is None else 0.0
        return plan(n, limits, sd=spread, power=power, cluster_size=size if again is None else 1.0, icc=inside)
    return plan_differences(sizes, limits, kinds, reach=asked.reach, icc=asked.icc, power=power)


def _reach(ends: Ends) -> float:
    lowest, highest = ends
    return math.inf if lowest is None or highest is None else highest - lowest


def _correlation(before: FloatRows, after: FloatRows) -> float:
    """Of two runs' right and wrong answers; 1 where they never differ, also where all are right."""
    import numpy as np

    if np.array_equal(before, after):
        return 1.0
    if before.std() == 0.0 or after.std() == 0.0:
        return 0.0
    return float(np.corrcoef(before, after)[0, 1])


def _clustered_sd(pairs: PairedValues) -> float:
    """The standard deviation that gives the cluster-robust standard error for as many independent samples."""
    from evalkit.stats import standard_error

    d = pairs.candidate - pairs.baseline
    error = standard_error(d, pairs.clusters)
    return error * math.sqrt(len(d)) if math.isfinite(error) else 0.0
