"""Rows of CSV that a spreadsheet shows and does not run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from evalkit.core.outside_text import csv_cell


def csv_lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Each row as a line. Text that a spreadsheet would take for a formula begins with an apostrophe."""
    for row in rows:
        out = io.StringIO()
        csv.writer(out).writerow([csv_cell(value) for value in row])
        yield out.getvalue()
