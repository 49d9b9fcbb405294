"""What `evalkit gate plan` prints."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evalkit.comparing.gates.assess import ends_of
from evalkit.comparing.gates.planning import PowerPlan, plan, plan_differences, suite_power
from evalkit.comparing.gates.policy import Policy
from evalkit.comparing.pairing import PairedValues, is_per_sample, pair_task, values_of
from evalkit.core import UsageError
from evalkit.core.outside_text import one_line
from evalkit.core.terminal import styled

if TYPE_CHECKING:
    from evalkit.comparing import TaskSide
    from evalkit.comparing.gates import Opened
    from evalkit.core import Ends, FloatRows


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
    alone = pair_task(side, side)
    if not is_per_sample(alone, metric):
        return None
    import numpy as np

    from evalkit.stats.simulated_values import symmetric, unchanged

    column, own = side.columns[metric], values_of(alone, metric)
    mean = float(own.baseline.mean()) if len(own.baseline) else math.nan
    limits = policy.limits(side.name, column.scale, mean)
    samples = len(own.baseline)
    sizes = [1] * samples if own.clusters is None else np.unique(own.clusters, return_counts=True)[1].tolist()
    icc = 0.1 if len(sizes) < samples else 0.0
    proportions = bool(np.isin(own.baseline, (0.0, 1.0)).all())
    again = values_of(pair_task(side, like.sides[side.name]), metric) if like and side.name in like.sides else None
    if proportions:
        if again is not None:
            correlation = _correlation(again.baseline, again.candidate)
        size = samples / len(sizes) if sizes else 1.0
        return plan(samples, limits, proportion=mean, correlation=correlation, cluster_size=size, icc=icc, power=power)
    reach = _reach(ends_of(alone, metric))
    if again is not None:
        kinds, spread = symmetric(again.candidate - again.baseline), _clustered_sd(again)
    else:
        # Two runs of one spread: the variance of their difference is 2·σ²·(1 - ρ).
        kinds = unchanged(own.baseline, correlation)
        spread = float(own.baseline.std(ddof=1)) * math.sqrt(2.0 * (1.0 - correlation)) if samples > 1 else 0.0
    if math.isinf(reach):
        size = samples / len(sizes) if again is None else 1.0
        return plan(samples, limits, sd=spread, power=power, cluster_size=size, icc=icc if again is None else 0.0)
    return plan_differences(sizes, limits, kinds, reach=reach, icc=icc, power=power)


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
