"""Tasks and rows as tests use them: of the right kind, or the test fails here."""

from evalkit.core import BadRow, Row, Task
from evalkit.plugins import load

__all__ = ["good", "task_of"]


def task_of(spec: str) -> Task:
    """The task of that name; a suite fails the test."""
    found = load("task", spec)
    assert isinstance(found, Task), found
    return found


def good(row: Row | BadRow) -> Row:
    """A row that could be read; another fails the test."""
    assert isinstance(row, Row), row
    return row
