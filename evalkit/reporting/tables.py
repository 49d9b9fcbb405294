"""Rows of CSV that a spreadsheet shows and does not run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from evalkit.reporting.text import visible

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Each row as a line. Text that a spreadsheet would take for a formula begins with an apostrophe."""
    for row in rows:
        out = io.StringIO()
        csv.writer(out).writerow([cell(value) for value in row])
        yield out.getvalue()


def cell(value: object) -> object:
    """Text made visible and harmless; None as nothing; anything else as it is."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    shown = visible(value)
    return "'" + shown if shown.startswith(_FORMULA) else shown
