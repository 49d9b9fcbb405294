"""The report as Markdown that fits a pull-request comment."""

from __future__ import annotations

import re

from evalkit.comparing.gates.outcomes import GateOutcome
from evalkit.comparing.gates.outputs import sentences
from evalkit.comparing.gates.report import GateReport, GateRow
from evalkit.core import formatting

MARKER = "<!-- evalkit gate -->"
"""Stands at the beginning, so that a job finds its own comment again and edits it."""
LARGEST = 60_000
"""GitHub refuses comments of more than 65,536 characters."""
_MARKS = {GateOutcome.PASS: "✅", GateOutcome.FAIL: "❌", GateOutcome.DEGRADED: "⚠️", GateOutcome.INCONCLUSIVE: "❔"}
_SHOWN_ROWS = 100
_SHOWN_IDS = 20


def markdown(report: GateReport) -> str:
    """The whole report; rows and ids beyond what a comment holds are counted instead of listed."""
    mark = "🛑" if report.outcome is None else _MARKS[report.outcome]
    lines = [MARKER, f"## {mark} evalkit gate: {report.title}", "", sentences.sentence(report) + ".", ""]
    lines += [f"Baseline {code(report.baseline)}, candidate {code(report.candidate)}.", ""]
    lines += _findings(report, ("incomparable",))
    if report.rows:
        lines += _table(report)
        lines += _details(report)
    lines += _findings(report, ("warn", "note"))
    percent = round(100 * report.confidence)
    lines.append(f"<sub>one-sided confidence {percent} %; evalkit {code(report.version or '–')}</sub>")
    text = "\n".join(lines) + "\n"
    if len(text) > LARGEST:
        text = text[: LARGEST - 60].rsplit("\n", 1)[0] + "\n\n… cut here: the job's log has the rest.\n"
    return text


def code(text: str) -> str:
    """A text from outside as inline code, which can neither end itself nor a table's cell."""
    flat = sentences.plain(text)
    longest = max((len(run) for run in re.findall(r"`+", flat)), default=0)
    fence = "`" * (longest + 1)
    inner = f" {flat} " if flat.startswith("`") or flat.endswith("`") else flat
    return f"{fence}{inner.replace('|', chr(92) + '|')}{fence}"


def _table(report: GateReport) -> list[str]:
    percent = round(100 * (2 * report.confidence - 1))
    lines = [f"| | task | metric | before | after | change | {percent} % interval | margin | p | n |"]
    lines.append("|---|---|---|--:|--:|--:|--:|--:|--:|--:|")
    rows = sorted(report.rows, key=lambda row: row.verdict.outcome is GateOutcome.PASS)
    for row in rows[:_SHOWN_ROWS]:
        lines.append(_line(row))
    if len(rows) > _SHOWN_ROWS:
        lines.append(f"| | … and {len(rows) - _SHOWN_ROWS} more | | | | | | | | |")
    return [*lines, ""]


def _line(row: GateRow) -> str:
    verdict = row.verdict
    cells = [
        f"{_MARKS[verdict.outcome]} {verdict.outcome.value}",
        code(row.name),
        _text(row.metric),
        formatting.number(verdict.baseline, row.scale),
        formatting.number(verdict.candidate, row.scale),
        formatting.change(verdict.difference, row.scale),
        sentences.bounds(row),
        sentences.margin(row),
        formatting.p_value(verdict.p_value).replace("<", "&lt;"),
        f"{verdict.n:,}",
    ]
    return "| " + " | ".join(cells) + " |"


def _details(report: GateReport) -> list[str]:
    lines = []
    for row in report.rows[:_SHOWN_ROWS]:
        if row.verdict.outcome is not GateOutcome.PASS:
            name = f"{row.name} {row.metric}" if row.kind == "ceiling" else row.name
            lines.append(f"- {code(name)}: {sentences.reason(row)}.")
    if lines:
        lines.append("")
    changed = [row for row in report.rows[:_SHOWN_ROWS] if row.kind == "score" and (row.worse or row.better)]
    if not changed:
        return lines
    lines += ["<details><summary>samples whose score changed</summary>", ""]
    for row in changed:
        parts = []
        for word, ids in (("worse", row.worse), ("better", row.better)):
            if ids:
                more = f" and {len(ids) - _SHOWN_IDS:,} more" if len(ids) > _SHOWN_IDS else ""
                parts.append(f"{len(ids):,} {word} ({', '.join(map(code, ids[:_SHOWN_IDS]))}{more})")
        lines.append(f"- {code(row.name)}: {'; '.join(parts)}")
    return [*lines, "", "</details>", ""]


def _findings(report: GateReport, levels: tuple[str, ...]) -> list[str]:
    names = {"incomparable": "**not comparable**", "warn": "warning", "note": "note"}
    lines = []
    for finding in report.findings:
        if finding.level in levels:
            ids = f" ({', '.join(map(code, finding.samples[:5]))}, …)" if finding.samples else ""
            lines.append(f"- {names[finding.level]} {code(finding.task)}: {_text(finding.what)}{ids}")
    return [*lines, ""] if lines else []


def _text(text: str) -> str:
    """A sentence that may hold names from outside: nothing in it begins markup."""
    flat = sentences.plain(text)
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", flat.replace("&", "&amp;").replace("<", "&lt;"))
