"""The scores of one or more runs as Markdown: for a pull request, a wiki or a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit import Run
from evalkit.core.formatting import interval, number
from evalkit.core.outside_text import markdown_code, markdown_text
from evalkit.runs.store import MetricResult, SuiteEntry, TaskEntry, drift_told, toys_told

META = {
    "name": "markdown",
    "summary": "the scores with their intervals, what failed, and the signature of every number",
    "tags": ["markdown", "summary"],
}


def report(runs: Sequence[Run], /, *, groups: bool = False) -> str:
    """Tables of every task of every run; with `groups`, also one line for each group of a task."""
    lines = ["# Scores", "", "| task | model | metric | value | 95 % interval | n | failed |"]
    lines.append("|---|---|---|--:|--:|--:|--:|")
    for run in runs:
        for entry in run.manifest.tasks:
            lines += _task(run, entry, groups)
        for suite in run.manifest.suites:
            lines += _suite(run, suite)
    for told in (toys_told(runs), *drift_told(runs)):
        if told:
            lines += ["", markdown_text(told)]
    lines += ["", "## Method", ""]
    for run in runs:
        lines += [f"- {markdown_code(entry.result.signature)}" for entry in run.manifest.tasks if entry.result]
    return "\n".join(lines) + "\n"


def _task(run: Run, entry: TaskEntry, groups: bool) -> list[str]:
    result, name = entry.result, f"{entry.name} (toy)" if entry.toy else entry.name
    if result is None:
        return [f"| {markdown_text(name)} | {markdown_text(run.model)} | {run.manifest.status} | | | | |"]
    lines = [_line(name, run.model, metric, str(result.failed)) for metric in result.metrics]
    if groups:
        for group, metrics in result.groups.items():
            shown = [metric for metric in metrics if metric.name == result.primary_metric] or metrics[:1]
            lines += [_line(f"{name} / {group}", run.model, metric, "") for metric in shown]
    return lines


def _suite(run: Run, suite: SuiteEntry) -> list[str]:
    names = {name: f"{suite.name} / {name}" if name else suite.name for name in suite.means}
    return [_line(names[name], run.model, one, "") for name, one in suite.means.items() if one is not None]


def _line(task: str, model: str, metric: MetricResult, failed: str) -> str:
    estimate = metric.estimate
    value, bounds = number(estimate.value, metric.scale), interval(estimate.low, estimate.high, metric.scale)
    cells = [
        markdown_text(task),
        markdown_text(model),
        markdown_text(metric.name),
        value,
        bounds,
        str(estimate.n),
        failed,
    ]
    return "| " + " | ".join(cells) + " |"
