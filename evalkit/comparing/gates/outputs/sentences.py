"""Numbers and sentences that all forms share."""

from __future__ import annotations

import math

from evalkit.comparing.gates.outcomes import GateOutcome
from evalkit.comparing.gates.report import GateReport, GateRow
from evalkit.core.formatting import change
from evalkit.core.outside_text import one_line

_WISHED = 0.8
_FAR, _MANY = 100, 10_000
"""A number of samples that is so many times what there are, and as large, is none that anybody can have."""


def bounds(row: GateRow) -> str:
    """`-2.9 … +1.0`, or a dash where nothing can be said."""
    low, high = row.verdict.low, row.verdict.high
    if not (math.isfinite(low) and math.isfinite(high)):
        return "–"
    return f"{change(low, row.scale)} … {change(high, row.scale)}"


def margin(row: GateRow) -> str:
    """How far it may go: a drop, or a rise where lower is better."""
    number = row.verdict.margin
    text = f"{100 * number:.3g} points" if row.scale == "proportion" else f"{number:.3g}"
    if row.metric == "invalid replies":
        return f"{100 * number:g} %"
    return text


def reason(row: GateRow) -> str:
    """Why, and what would settle it."""
    verdict = row.verdict
    text = verdict.reason.rstrip(".")
    needed = verdict.needed
    if verdict.outcome.is_open and needed is not None and needed > max(_FAR * verdict.n, _MANY):
        text += f"; more samples than this set has would decide (there are {verdict.n:,})"
    elif verdict.outcome.is_open and needed is not None:
        text += f"; about {needed:,} samples would decide (there are {verdict.n:,})"
    return text


def flips(row: GateRow, shown: int) -> str:
    """`3 worse: a, b, c; 1 better: d`, or nothing where no score changed."""
    parts = []
    for word, ids in (("worse", row.worse), ("better", row.better)):
        if ids:
            more = f" and {len(ids) - shown:,} more" if len(ids) > shown else ""
            parts.append(f"{len(ids):,} {word}: {', '.join(map(one_line, ids[:shown]))}{more}")
    return "; ".join(parts)


def headline(report: GateReport) -> str:
    """Why the answer is what it is, in a few words: of the worst row, or of what does not hold."""
    if report.outcome is None:
        refused = [finding for finding in report.findings if finding.level == "incomparable"]
        return f"{refused[0].task}: {refused[0].what}{_more(len(refused))}" if refused else "nothing was decided"
    if report.outcome is GateOutcome.PASS:
        return "no drop beyond its margin"
    worst = report.of(report.outcome)
    return f"{worst[0].name} {worst[0].metric}: {reason(worst[0])}{_more(len(worst))}"


def _more(count: int) -> str:
    return f" (and {count - 1} more)" if count > 1 else ""


def sentence(report: GateReport) -> str:
    """The answer in one line."""
    if report.outcome is None:
        unlike = sum(finding.level == "incomparable" for finding in report.findings)
        return f"no verdict: {unlike} {'thing does' if unlike == 1 else 'things do'} not hold{_toys(report)}"
    total = len(report.rows)
    counts = [
        f"{len(found)} {outcome.value}"
        for outcome in GateOutcome
        if (found := report.of(outcome)) and len(found) < total
    ]
    detail = f" ({', '.join(counts)})" if counts else ""
    return f"{total} {'decision' if total == 1 else 'decisions'}{detail}, exit code {report.exit_code}{_toys(report)}"


def expected(report: GateReport) -> list[str]:
    """What an unchanged model can expect of this gate, a line a task."""
    lines = []
    for one in report.expected:
        points = one.scale == "proportion"
        shown = f"{100 * one.smallest:.3g} points" if points else f"{one.smallest:.3g}"
        asked = f"{100 * one.margin:.3g} points" if points else f"{one.margin:.3g}"
        words = f"{one.n:,} samples and a margin of {asked} let an unchanged model pass with {100 * one.passes:.0f} %"
        if one.passes < _WISHED:
            samples = f" or {one.needed:,} samples" if one.needed is not None else ""
            words += f"; 80 % take a margin of {shown}{samples}"
        lines.append(f"{one.task} {one.metric}: {words}")
    return lines


def _toys(report: GateReport) -> str:
    """That toy sets are gated, which says nothing about a model."""
    if not report.toys:
        return ""
    tasks = {row.task for row in report.rows} | {finding.task for finding in report.findings}
    every = tasks <= set(report.toys)
    return "; only toy sets are gated" if every else f"; {len(report.toys)} of its tasks are toy sets"
