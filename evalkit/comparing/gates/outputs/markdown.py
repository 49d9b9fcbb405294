"""The report as Markdown that fits a pull-request comment."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit.comparing.gates.outcomes import GateOutcome
from evalkit.comparing.gates.outputs import sentences
from evalkit.comparing.gates.report import GateReport, GateRow
from evalkit.core import formatting
from evalkit.core.outside_text import markdown_code, markdown_text

MARKER = "<!-- evalkit gate -->"
"""Stands at the beginning, so that a job finds its own comment again and edits it."""
LARGEST = 60_000
"""GitHub refuses comments of more than 65,536 characters."""
_MARKS = {
    GateOutcome.PASS: "✅",
    GateOutcome.FAIL: "❌",
    GateOutcome.WORSE: "❌",
    GateOutcome.DEGRADED: "⚠️",
    GateOutcome.INCONCLUSIVE: "❔",
}
_SHOWN_ROWS = 100
_SHOWN_IDS = 20


def markdown(report: GateReport) -> str:
    """The verdict in a sentence, then the rows that did not pass and why; everything else is folded.

    Rows and ids beyond what a comment holds are counted instead of listed.
    """
    mark = "🛑" if report.outcome is None else _MARKS[report.outcome]
    heading = f"## {mark} evalkit gate: {report.title}: {markdown_text(sentences.headline(report))}"
    lines = [MARKER, heading, "", sentences.sentence(report) + ".", ""]
    lines += _findings(report, ("incomparable",))
    if report.incomparable and report.next_steps:
        lines += ["What helps:", "", *(f"- {_step(step)}" for step in report.next_steps), ""]
    passed = report.of(GateOutcome.PASS)
    others = [row for row in report.rows if row.verdict.outcome is not GateOutcome.PASS]
    if others:
        lines += [*_table(report, others), *_reasons(others)]
    lines += _findings(report, ("warn",))
    if passed:
        lines += _folded(f"{_counted(len(passed), 'decision')} passed", _table(report, passed))
    lines += _folded("samples whose score changed", _changed(report))
    lines += _folded("what this gate can tell", _expected(report))
    lines += _folded("what was compared", _compared(report))
    percent = round(100 * report.confidence)
    lines.append(f"<sub>one-sided confidence {percent} %; evalkit {markdown_code(report.version or '–')}</sub>")
    text = "\n".join(lines) + "\n"
    if len(text) > LARGEST:
        text = text[: LARGEST - 60].rsplit("\n", 1)[0] + "\n\n… cut here: the job's log has the rest.\n"
    return text


def _folded(summary: str, lines: Sequence[str]) -> list[str]:
    """Lines that a reader opens; nothing where there are none."""
    if not lines:
        return []
    return [f"<details><summary>{summary}</summary>", "", *lines, *([] if lines[-1] == "" else [""]), "</details>", ""]


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _expected(report: GateReport) -> list[str]:
    return [f"- {markdown_text(line)}" for line in sentences.expected(report)[:_SHOWN_ROWS]]


def _compared(report: GateReport) -> list[str]:
    """Both sides, where the answers come from, and notes."""
    lines = [f"- baseline {markdown_code(report.baseline)}", f"- candidate {markdown_code(report.candidate)}"]
    if report.answers is not None:
        lines.append(f"- answers: {markdown_text(report.answers.words)}")
    if report.chosen:
        lines.append(f"- budget: {markdown_text(report.chosen)}")
    return lines + _findings(report, ("note",))


def _step(step: str) -> str:
    """What helps, with its command as code."""
    what, colon, command = step.partition(": ")
    is_command = bool(colon) and command.startswith("evalkit ")
    return f"{markdown_text(what)}: {markdown_code(command)}" if is_command else markdown_text(step)


def _table(report: GateReport, rows: Sequence[GateRow]) -> list[str]:
    percent = round(100 * (2 * report.confidence - 1))
    lines = [f"| | task | metric | before | after | change | {percent} % interval | margin | p | n |"]
    lines.append("|---|---|---|--:|--:|--:|--:|--:|--:|--:|")
    lines += [_line(row) for row in rows[:_SHOWN_ROWS]]
    if len(rows) > _SHOWN_ROWS:
        lines.append(f"| | … and {len(rows) - _SHOWN_ROWS} more | | | | | | | | |")
    return [*lines, ""]


def _line(row: GateRow) -> str:
    verdict = row.verdict
    cells = [
        f"{_MARKS[verdict.outcome]} {verdict.outcome.value}",
        markdown_code(row.name, in_table=True),
        markdown_text(row.metric),
        formatting.number(verdict.baseline, row.scale),
        formatting.number(verdict.candidate, row.scale),
        formatting.change(verdict.difference, row.scale),
        sentences.bounds(row),
        sentences.margin(row),
        formatting.p_value(verdict.p_value).replace("<", "&lt;"),
        f"{verdict.n:,}",
    ]
    return "| " + " | ".join(cells) + " |"


def _reasons(rows: Sequence[GateRow]) -> list[str]:
    """Why each row did not pass."""
    lines = []
    for row in rows[:_SHOWN_ROWS]:
        name = f"{row.name} {row.metric}" if row.kind == "ceiling" else row.name
        lines.append(f"- {markdown_code(name)}: {markdown_text(sentences.reason(row))}.")
    return [*lines, ""]


def _changed(report: GateReport) -> list[str]:
    """The samples whose score fell or rose, by row."""
    lines = []
    for row in report.rows[:_SHOWN_ROWS]:
        parts = []
        for word, ids in (("worse", row.worse), ("better", row.better)):
            if ids and row.kind == "score":
                more = f" and {len(ids) - _SHOWN_IDS:,} more" if len(ids) > _SHOWN_IDS else ""
                parts.append(f"{len(ids):,} {word} ({', '.join(map(markdown_code, ids[:_SHOWN_IDS]))}{more})")
        if parts:
            lines.append(f"- {markdown_code(row.name)}: {'; '.join(parts)}")
    return lines


def _findings(report: GateReport, levels: tuple[str, ...]) -> list[str]:
    names = {"incomparable": "**not comparable**", "warn": "warning", "note": "note"}
    lines = []
    for finding in report.findings:
        if finding.level in levels:
            ids = f" ({', '.join(map(markdown_code, finding.samples[:5]))}, …)" if finding.samples else ""
            lines.append(f"- {names[finding.level]} {markdown_code(finding.task)}: {markdown_text(finding.what)}{ids}")
    return [*lines, ""] if lines else []
