"""What commands print: consoles, tables that fit 80 columns, numbers with their intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from evalkit.core import toy_sets
from evalkit.core.formatting import interval, number
from evalkit.core.terminal import console as console
from evalkit.core.terminal import emit_json, styled
from evalkit.models.api.finish_reasons import UNKNOWN_FINISH
from evalkit.runs.store import MetricResult, Run, TaskEntry, TaskResult, drift_told, toys_told

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def print_scores(out: Console, runs: Sequence[Run], only: str | None = None) -> None:
    """The scores as a table, with what puts them in doubt above and what a reader should know of single tasks below."""
    for told in (*unknown_endings(runs, only), *drift_told(runs, only)):
        out.print(told, style="yellow", soft_wrap=True)
    out.print(scores_table(runs, only))
    for run in runs:
        for entry in run.manifest.tasks:
            known = _of_part(entry, notes(entry.result)) if entry.result and only in (None, entry.name) else []
            if known:
                name = entry.name if len(runs) == 1 else f"{entry.name} · {run.model}"
                out.print(styled((f"{name}: ", "dim"), *known), soft_wrap=True)
    told = toys_told(runs, only)
    if told:
        out.print(told, style="yellow")


def _of_part(entry: TaskEntry, known: list[str | tuple[str, str]]) -> list[str | tuple[str, str]]:
    """The notes of a task, with what its number is an estimate of, where a subset was asked."""
    subset, _, _ = entry.identity.get("subset", "–").partition("@")
    if subset == "–" or entry.result is None:
        return known
    told = f"{entry.result.primary_metric} is the estimate of the whole set's mean from {subset}"
    return [told, *([", ", *known] if known else [])]


def unknown_endings(runs: Sequence[Run], only: str | None = None) -> list[str]:
    """A sentence for every task with replies that ended for a reason that evalkit does not know."""
    told = []
    for run in runs:
        for entry in run.manifest.tasks:
            if entry.result is None or only not in (None, entry.name):
                continue
            name = entry.name if len(runs) == 1 else f"{entry.name} · {run.model}"
            for flag, count in sorted(entry.result.flags.items()):
                kind, _, word = flag.partition(":")
                if kind == UNKNOWN_FINISH:
                    samples = "sample" if count == 1 else "samples"
                    told.append(
                        f"{name}: the replies of {count:,} {samples} ended with {word!r}, which evalkit does not know; "
                        "they are scored as they came, whether or not they are whole"
                    )
    return told


def print_toys(out: Console, names: Iterable[str]) -> None:
    """Which of what was shown are toy sets, where any is."""
    if told := toy_sets.note(list(dict.fromkeys(names))):
        out.print(told, style="yellow")


def scores_table(runs: Sequence[Run], only: str | None = None) -> Table:
    """One line for every model, task and metric: value, 95 % interval, number of samples.

    The models of several runs stand below each other under the name of the task, so that they are compared at a look.
    """
    from rich.table import Table

    several = len(runs) > 1
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("task / model" if several else "task", overflow="fold", min_width=12)
    table.add_column("metric", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("95 % interval", justify="right", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    for task in dict.fromkeys(name for run in runs for name in run.tasks if only in (None, name)):
        if several:
            table.add_row(styled((task, "bold")))
        for run in runs:
            if task in run.tasks:
                _add_task(table, run, run.manifest.task(task), f"  {run.model}" if several else task)
    if only is None:
        _add_suites(table, runs, several)
    return table


def _add_task(table: Table, run: Run, entry: TaskEntry, name: str) -> None:
    if entry.result is None:
        table.add_row(name, styled((run.manifest.status, "yellow")), "–", "–", "–")
        return
    # Of several samples: what all of them come to together.
    together = [found[-1] for found in entry.result.curves.values()]
    for place, metric in enumerate([*entry.result.metrics, *together]):
        value = number(metric.estimate.value, metric.scale)
        bold = "bold" if metric.name == entry.result.primary_metric else ""
        n = f"{metric.estimate.n:,}"
        table.add_row(
            name if place == 0 else "",
            metric.name,
            styled((value, bold)),
            interval(metric.estimate.low, metric.estimate.high, metric.scale),
            n,
        )


def _add_suites(table: Table, runs: Sequence[Run], several: bool) -> None:
    """A line for every suite below the tasks, and one for each of its categories that holds several tasks."""
    for name in dict.fromkeys(suite.name for run in runs for suite in run.manifest.suites):
        table.add_section()
        if several:
            table.add_row(styled((name, "bold")))
        for run in runs:
            for suite in (suite for suite in run.manifest.suites if suite.name == name):
                head = f"  {run.model}" if several else name
                mean = "norm. mean" if suite.result and suite.result.name == "normalised_mean" else "mean"
                kind = mean if suite.average == "tasks" else f"{mean} by size"
                _add_mean(table, head, kind, suite.result, "bold")
                for further in suite.also:
                    _add_mean(table, "", f"mean {further.name}", further, "")
                for category, metric in suite.categories.items():
                    _add_mean(table, f"  {category}" if not several else f"    {category}", kind, metric, "")


def _add_mean(table: Table, name: str, kind: str, metric: MetricResult | None, style: str) -> None:
    if metric is None:
        table.add_row(name, kind, "–", "–", "–")
        return
    value = number(metric.estimate.value, metric.scale)
    table.add_row(
        name,
        kind,
        styled((value, style)),
        interval(metric.estimate.low, metric.estimate.high, metric.scale),
        f"{metric.estimate.n:,}",
    )


def notes(result: TaskResult) -> list[str | tuple[str, str]]:
    """What a reader of the number should know: failures, outcomes that are not an answer, truncation."""
    found: list[str | tuple[str, str]] = []
    if result.failed:
        found.append((f"{result.failed:,} failed", "red"))
    found += [f"{count:,} {_OUTCOMES[name]}" for name, count in sorted(result.counts.items()) if name in _OUTCOMES]
    found += [f"{count:,} {name}" for name, count in sorted(result.flags.items())]
    if result.cached == result.samples and result.samples:
        found.append("all from the cache")
    elif result.cached:
        found.append(f"{result.cached:,} from the cache")
    if result.cost is not None:
        found.append(f"{result.cost:,.4f} US dollars")
    commas: list[str | tuple[str, str]] = [", "] * (2 * len(found) - 1)
    commas[::2] = found
    return commas


# How a model can fail to answer, in words.
_OUTCOMES = {
    "no_answer": "without an answer",
    "unreadable": "with an answer that cannot be read",
    "refused": "refused",
    "length": "cut at the token limit",
    "cut_thought": "cut in its thought",
    "timeout": "timed out",
    "memory": "out of memory",
}


def write_json(value: object) -> None:
    """A result as JSON on stdout; what is not a number is null."""
    import json

    emit_json(json.dumps(value, ensure_ascii=False, indent=2))
