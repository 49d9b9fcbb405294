"""What `evalkit gate plan` prints."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalkit.comparing.gates.assess import baseline_value, ends_of
from evalkit.comparing.gates.expectation import Asked, planned
from evalkit.comparing.gates.outcomes import GateOutcome
from evalkit.comparing.gates.planning import LARGEST_CLUSTER, PowerPlan, suite_power
from evalkit.comparing.gates.planning_statistics import plan_statistic
from evalkit.comparing.gates.policy import Policy
from evalkit.comparing.gates.sequential import Schedule, plan_sequential
from evalkit.comparing.pairing import is_per_sample, pair_task, rows_of, values_of
from evalkit.core import UsageError
from evalkit.core.outside_text import one_line
from evalkit.core.terminal import styled
from evalkit.stats.simulated_answers import Answers

if TYPE_CHECKING:
    from rich.console import Console

    from evalkit.comparing import TaskSide
    from evalkit.comparing.gates import Opened


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """What a gate can tell of one task. `plan` is None where that is known only after a run."""

    task: str
    metric: str
    samples: int
    scale: str
    toy: bool
    plan: PowerPlan | None
    looks: str = ""

    @property
    def name(self) -> str:
        return one_line(f"{self.task} {self.metric}")


@dataclass(frozen=True, slots=True)
class GatePlan:
    """What a gate can tell of a baseline, task by task."""

    tasks: list[PlannedTask]
    power: float
    source: str

    @property
    def plans(self) -> list[tuple[str, PowerPlan]]:
        return [(one.name, one.plan) for one in self.tasks if one.plan is not None]


def plan_of(
    opened: Opened,
    policy: Policy,
    power: float,
    correlation: float,
    like: Opened | None,
    schedule: Schedule | None = None,
) -> GatePlan:
    """The plan of every task that the policy covers; with a `schedule`, also of a gate in so many looks."""
    policy.check_names(list(opened.sides))
    tasks = [
        _planned_task(side, policy, power, correlation, like, schedule)
        for side in opened.sides.values()
        if policy.covers(side.name)
    ]
    source = f"measured on {like.name}" if like else f"assuming a correlation of {correlation:g} between the runs"
    return GatePlan(tasks, power, source)


def _planned_task(
    side: TaskSide, policy: Policy, power: float, correlation: float, like: Opened | None, schedule: Schedule | None
) -> PlannedTask:
    metric = policy.of(side.name).metric or side.primary_metric
    asked = _asked(side, metric, policy, correlation, like)
    if asked is None:
        made = _planned_statistic(side, metric, policy, power, correlation, like)
    else:
        made = planned(asked, power)
    looks = _looked(asked, schedule) if made is not None and schedule is not None and asked is not None else ""
    return PlannedTask(side.name, metric, side.n, side.columns[metric].scale, side.toy, made, looks)


def show_plan(made: GatePlan) -> None:
    """A line per task, the chance that all pass, and the margins that a set is too small for."""
    from rich.table import Table

    from evalkit.cli.rendering.output import console, print_toys

    out = console()
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("task / metric", overflow="fold", min_width=12)
    for name in ("n", "margin", "P(pass)", "smallest", "needed"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in made.tasks:
        plan = one.plan
        if plan is None:
            table.add_row(one.name, f"{one.samples:,}", "–", "–", "–", "–")
            out.print(
                f"{one.name}: this metric cannot be planned; only a run shows what the gate detects", soft_wrap=True
            )
            continue
        table.add_row(
            one.name,
            f"{plan.n:,}",
            _units(plan.margin, one.scale),
            f"{100 * plan.power_at_no_change:.0f} %",
            _units(plan.minimum_detectable, one.scale),
            "–" if plan.needed is None else f"{plan.needed:,}",
        )
    out.print(table)
    print_toys(out, (one.task for one in made.tasks if one.toy))
    out.print()
    _remarks(out, made)


def plan_json(made: GatePlan) -> dict[str, Any]:
    """The plan as data: margins and proportions between 0 and 1, in the unit of the metric."""
    tasks = []
    for one in made.tasks:
        plan = one.plan
        tasks.append(
            {
                "task": one.task,
                "metric": one.metric,
                "samples": one.samples,
                "margin": plan and plan.margin,
                "chance_to_pass": plan and plan.power_at_no_change,
                "smallest_margin": plan and plan.minimum_detectable,
                "needed_samples": plan and plan.needed,
                "resolves": plan and plan.resolves,
            }
        )
    chance = suite_power([plan for _, plan in made.plans]) if made.plans else None
    return {"power": made.power, "assumption": made.source, "chance_all_pass": chance, "tasks": tasks}


def _remarks(out: Console, made: GatePlan) -> None:
    """The lines below the table."""
    if len(made.plans) > 1:
        chance = suite_power([plan for _, plan in made.plans])
        out.print(f"chance that an unchanged model passes all {len(made.plans)} tasks: {100 * chance:.0f} %")
    for one in made.tasks:
        if one.looks:
            out.print(f"{one.name}: {one.looks}", soft_wrap=True)
    legend = (
        f"P(pass): chance that an unchanged model passes; smallest: margin that it passes with {100 * made.power:g} %; "
        f"needed: samples for that chance at your margin; {made.source}"
    )
    out.print(legend, style="dim", soft_wrap=True)
    for name, plan in made.plans:
        if plan.resolves:
            continue
        needs = f"{plan.needed:,} samples" if plan.needed is not None else "a margin above 0"
        out.print(
            styled(("warning", "yellow"), f" {name}: {plan.n:,} samples are too few for this margin; it needs {needs}"),
            soft_wrap=True,
        )


def _asked(side: TaskSide, metric: str, policy: Policy, correlation: float, like: Opened | None) -> Asked | None:
    """What a plan knows of a task; None for a metric that is not a mean over samples."""
    if metric not in side.columns:
        raise UsageError(f"task {side.name!r} has no metric {metric!r}", found=", ".join(side.columns))
    alone = pair_task(side, side)
    if not is_per_sample(alone, metric):
        return None
    again = values_of(pair_task(side, like.sides[side.name]), metric) if like and side.name in like.sides else None
    return Asked.of(alone, metric, policy, assumed=correlation, again=again)


def _planned_statistic(
    side: TaskSide, metric: str, policy: Policy, power: float, correlation: float, like: Opened | None
) -> PowerPlan | None:
    """The plan of a metric that is not a mean of samples; None if it cannot be computed or has no jackknife."""
    later = like.sides.get(side.name) if like else None
    paired = pair_task(side, later or side)
    column = side.columns[metric]
    estimate = column.estimate or (later.columns[metric].estimate if later and metric in later.columns else None)
    if estimate is None or column.jackknife == "none" or metric not in paired.metrics:
        return None
    rows = rows_of(paired, metric)
    return plan_statistic(
        rows.baseline,
        rows.clusters,
        estimate,
        policy.limits(side.name, column.scale, baseline_value(paired, metric)),
        ends=ends_of(paired, metric),
        correlation=correlation,
        again=rows.candidate if later else None,
        higher_is_better=column.higher_is_better,
        power=power,
    )


def _units(value: float, scale: str) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{100 * value:.1f} pt" if scale == "proportion" else f"{value:.3g}"


def _looked(asked: Asked, schedule: Schedule) -> str:
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
