"""Numbers and sentences that all forms share."""

from __future__ import annotations

import math
import re

from evalkit.comparing.gates.report import GateReport, GateRow
from evalkit.comparing.gates.verdicts import GateOutcome

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def value(number: float, scale: str) -> str:
    """A share in per cent with one decimal, any other number with four significant digits."""
    if not math.isfinite(number):
        return "–"
    if scale == "share":
        return f"{100 * number:.1f}%"
    # Small numbers have zeros to show besides their digits; a table has 80 columns for all of them.
    return f"{number:.4g}" if abs(number) >= 0.01 or number == 0.0 else f"{number:.2g}"


def change(number: float, scale: str) -> str:
    """A difference with its sign; of shares, in points."""
    if not math.isfinite(number):
        return "–"
    text = f"{100 * number:+.1f}" if scale == "share" else f"{number:+.2g}" if abs(number) < 0.1 else f"{number:+.3g}"
    return text.replace("-0.0", "+0.0") if float(text) == 0.0 else text


def bounds(row: GateRow) -> str:
    """`-2.9 … +1.0`, or a dash where nothing can be said."""
    low, high = row.verdict.low, row.verdict.high
    if not (math.isfinite(low) and math.isfinite(high)):
        return "–"
    return f"{change(low, row.scale)} … {change(high, row.scale)}"


def margin(row: GateRow) -> str:
    """How far it may go: a drop, or a rise where lower is better."""
    number = row.verdict.margin
    text = f"{100 * number:.3g} points" if row.scale == "share" else f"{number:.3g}"
    if row.metric == "invalid replies":
        return f"{100 * number:g} %"
    return text


def p_value(number: float) -> str:
    if not math.isfinite(number):
        return "–"
    return "<0.001" if number < 0.001 else f"{number:.3f}"


def reason(row: GateRow) -> str:
    """Why, and what would settle it."""
    verdict = row.verdict
    text = verdict.reason.rstrip(".")
    needed = verdict.needed
    if verdict.outcome is GateOutcome.INCONCLUSIVE and needed is not None and f"{needed:,}" not in text:
        text += f"; about {needed:,} samples would decide (there are {verdict.n:,})"
    return text


def flips(row: GateRow, shown: int) -> str:
    """`3 worse: a, b, c; 1 better: d`, or nothing where no score changed."""
    parts = []
    for word, ids in (("worse", row.worse), ("better", row.better)):
        if ids:
            more = f" and {len(ids) - shown:,} more" if len(ids) > shown else ""
            parts.append(f"{len(ids):,} {word}: {', '.join(map(plain, ids[:shown]))}{more}")
    return "; ".join(parts)


def sentence(report: GateReport) -> str:
    """The answer in one line."""
    if report.outcome is None:
        refusals = sum(finding.level == "refuse" for finding in report.findings)
        return f"no verdict: {refusals} {'thing does' if refusals == 1 else 'things do'} not hold"
    total = len(report.rows)
    counts = [
        f"{len(found)} {outcome.value}"
        for outcome in GateOutcome
        if (found := report.of(outcome)) and len(found) < total
    ]
    detail = f" ({', '.join(counts)})" if counts else ""
    return f"{total} {'decision' if total == 1 else 'decisions'}{detail}, exit code {report.exit_code}"


def plain(text: str) -> str:
    """A text from outside on one line, without what a terminal obeys."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", text)
