"""The report as a table that fits 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.comparing.gates.outcomes import GateOutcome
from evalkit.comparing.gates.outputs import sentences
from evalkit.comparing.gates.report import GateReport, GateRow
from evalkit.core import formatting
from evalkit.core.outside_text import one_line
from evalkit.core.terminal import styled

if TYPE_CHECKING:
    from rich.console import Console

_COLOURS = {
    GateOutcome.PASS: "green",
    GateOutcome.FAIL: "bold red",
    GateOutcome.WORSE: "bold red",
    GateOutcome.DEGRADED: "yellow",
    GateOutcome.INCONCLUSIVE: "yellow",
}
_LEVELS = {"incomparable": ("not comparable", "bold red"), "warn": ("warning", "yellow"), "note": ("note", "dim")}
_SHOWN = 5


def show(out: Console, report: GateReport) -> None:
    """Print it."""
    out.print(f"baseline   {report.baseline}", soft_wrap=True)
    out.print(f"candidate  {report.candidate}", soft_wrap=True)
    if report.answers is not None:
        out.print(f"answers    {report.answers.words}", soft_wrap=True)
    if report.chosen:
        out.print(f"budget     {report.chosen}", soft_wrap=True)
    if report.looks:
        out.print(f"looks      {report.looks}", soft_wrap=True)
    out.print()
    if report.rows:
        out.print(_table(report))
        for row in report.rows:
            _explain(out, row)
    for finding in report.findings:
        word, style = _LEVELS[finding.level]
        text = one_line(f"{finding.task}: {finding.words()}")
        out.print(styled((word, style), f" {text}"), soft_wrap=True)
    if report.rows or report.findings:
        out.print()
    colour = "bold red" if report.outcome is None else _COLOURS[report.outcome]
    out.print(styled((report.title, colour), f": {sentences.sentence(report)}"), soft_wrap=True)
    for step in report.next_steps:
        out.print(f"next: {step}", style="dim", soft_wrap=True)


def _table(report: GateReport) -> object:
    from rich.table import Table

    # A gate that looks several times takes a level of its own at each look.
    interval = "interval" if report.looks else f"{round(100 * (2 * report.confidence - 1))} % interval"
    # Numbers that are no proportions are wider.
    space = 2 if all(row.scale == "proportion" for row in report.rows) else 1
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, space, 0, 0))
    table.add_column("verdict", no_wrap=True)
    table.add_column("task / metric", overflow="fold", min_width=14)
    for name in ("before", "after", "change", interval, "n"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in report.rows:
        verdict = row.verdict
        table.add_row(
            styled((verdict.outcome.value, _COLOURS[verdict.outcome])),
            one_line(f"{row.name} {row.metric}"),
            formatting.number(verdict.baseline, row.scale),
            formatting.number(verdict.candidate, row.scale),
            formatting.change(verdict.difference, row.scale),
            sentences.bounds(row),
            f"{verdict.n:,}",
        )
    return table


def _explain(out: Console, row: GateRow) -> None:
    """What the table has no room for, where there is something to say."""
    name = f"{row.name} {row.metric}" if row.kind == "ceiling" else row.name
    lines = []
    if row.verdict.outcome is not GateOutcome.PASS:
        lines.append(f"{sentences.reason(row)} (margin {sentences.margin(row)})")
    if found := sentences.flips(row, _SHOWN):
        lines.append(found)
    if row.errored:
        lines.append(f"{row.errored:,} pairs left out: one side could not be measured")
    for line in lines:
        out.print(styled((f"{one_line(name)}: ", "dim"), one_line(line)), soft_wrap=True)
