"""What `evalkit gate plan` prints."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

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
        asked = _asked(side, metric, policy, correlation, like)
        if asked is None:
            made = _planned_statistic(side, metric, policy, power, correlation, like)
        else:
            made = planned(asked, power)
        name = one_line(f"{side.name} {metric}")
        if made is None:
            table.add_row(name, f"{side.n:,}", "–", "–", "–", "–")
            out.print(f"{name}: what it can tell is known only afterwards", soft_wrap=True)
            continue
        plans.append((name, made))
        if schedule is not None and asked is not None:
            looks.append(f"{name}: {_looked(asked, schedule)}")
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


def _asked(side: TaskSide, metric: str, policy: Policy, correlation: float, like: Opened | None) -> Asked | None:
    """What a plan knows of a task; None for a metric that is no mean over samples."""
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
    """The plan of a metric that is no mean of samples; None where it cannot be computed here, or has no jackknife."""
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
