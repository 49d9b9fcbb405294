"""What a report is made of: strings, written one after another, and marks where another file begins."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sibling:
    """Among the pieces of a report: the pieces after it belong to a file of that name, next to the first one."""

    name: str
