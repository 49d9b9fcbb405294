"""The report as JSON, for programs: every number as it is, those that are not finite as null."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import orjson

from evalkit.comparing.gates.outcomes import GateVerdict
from evalkit.comparing.gates.report import GateReport

FORMAT = 1
_KEYS = (
    *("outcome", "baseline", "candidate", "difference", "low", "high", "p_value", "mcnemar_p", "n", "clusters"),
    *("how", "needed", "margin", "reason", "left_out", "correction"),
)


def as_json(report: GateReport) -> dict[str, Any]:
    """The report as plain values."""
    found = asdict(report)
    found.pop("next_steps")
    for plain_row, row in zip(found["rows"], report.rows, strict=True):
        plain_row["verdict"] = _verdict(row.verdict)
    plain = {
        "format": FORMAT,
        "outcome": report.title,
        "exit_code": report.exit_code,
        **found,
    }
    return _finite(plain)  # type: ignore[no-any-return]


def _verdict(verdict: GateVerdict) -> dict[str, Any]:
    """All that a verdict says, in one level."""
    return {name: getattr(verdict, name) for name in _KEYS}


def to_json(report: GateReport) -> str:
    """The same as text."""
    return orjson.dumps(as_json(report), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.item() if hasattr(value, "item") else value
