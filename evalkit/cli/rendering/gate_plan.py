"""What `evalkit gate plan` prints."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evalkit.comparing.gates.planning import PowerPlan, plan, suite_power
from evalkit.comparing.gates.policy import Policy
from evalkit.comparing.pairing import is_mean, pair_task, values_of
from evalkit.core import UsageError
from evalkit.core.outside_text import one_line
from evalkit.core.terminal import styled

if TYPE_CHECKING:
    from evalkit.comparing import TaskSide
    from evalkit.comparing.gates import Opened
    from evalkit.core import FloatRows


def show_plan(opened: Opened, policy: Policy, power: float, correlation: float, like: Opened | None) -> None:
    """A line a task, the chance of the whole suite, and which margins its sets cannot resolve."""
    from rich.table import Table

    from evalkit.cli.rendering.output import console, print_toys

    policy.check_names(list(opened.sides))
    out = console()
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("task / metric", overflow="fold", min_width=12)
    for name in ("n", "margin", "P(pass)", "smallest", "needed"):
        table.add_column(name, justify="right", no_wrap=True)
    plans: list[PowerPlan] = []
    weak: list[tuple[str, PowerPlan]] = []
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
        plans.append(made)
        if not made.resolves:
            weak.append((name, made))
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
    if len(plans) > 1:
        out.print(f"all {len(plans)} tasks pass, where nothing changed: {100 * suite_power(plans):.0f} %")
    source = f"measured on {like.name}" if like else f"assuming a correlation of {correlation:g} between the runs"
    out.print(
        f"P(pass): where nothing changed; smallest: margin passed with {100 * power:g} %; {source}",
        style="dim",
        soft_wrap=True,
    )
    for name, made in weak:
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


def _planned(
    side: TaskSide, metric: str, policy: Policy, power: float, correlation: float, like: Opened | None
) -> PowerPlan | None:
    if metric not in side.columns:
        raise UsageError(f"task {side.name!r} has no metric {metric!r}", found=", ".join(side.columns))
    column = side.columns[metric]
    if column.width != 1 or not is_mean(column):
        return None
    import numpy as np

    values = column.rows[:, 0]
    values = values[np.isfinite(values)]
    mean = float(values.mean()) if len(values) else math.nan
    limits = policy.limits(side.name, column.scale, mean)
    samples = len(set(side.ids))
    clusters = {name for name in side.clusters if name}
    size = samples / len(clusters) if clusters else 1.0
    proportions = bool(np.isin(values, (0.0, 1.0)).all())
    icc = 0.1 if clusters else 0.0
    if like is not None and side.name in like.sides:
        pairs = values_of(pair_task(side, like.sides[side.name]), metric)
        if not proportions:
            spread = _clustered_sd(pairs.candidate - pairs.baseline, pairs.clusters)
            return plan(samples, limits, sd=spread, power=power)
        correlation = _correlation(pairs.baseline, pairs.candidate)
    if proportions:
        return plan(samples, limits, proportion=mean, correlation=correlation, cluster_size=size, icc=icc, power=power)
    # Two runs of one spread: the variance of their difference is 2·σ²·(1 - ρ).
    spread = float(values.std(ddof=1)) * math.sqrt(2.0 * (1.0 - correlation)) if len(values) > 1 else 0.0
    return plan(samples, limits, sd=spread, power=power, cluster_size=size, icc=icc)


def _correlation(before: FloatRows, after: FloatRows) -> float:
    """Of two runs' right and wrong answers; 1 where they never differ, also where all are right."""
    import numpy as np

    if np.array_equal(before, after):
        return 1.0
    if before.std() == 0.0 or after.std() == 0.0:
        return 0.0
    return float(np.corrcoef(before, after)[0, 1])


def _clustered_sd(d: FloatRows, clusters: object) -> float:
    """The standard deviation that gives the cluster-robust standard error for as many independent samples."""
    import numpy as np

    from evalkit.stats import standard_error

    error = standard_error(d, None if clusters is None else np.asarray(clusters))
    return error * math.sqrt(len(d)) if math.isfinite(error) else 0.0
