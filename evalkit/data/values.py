"""A row's columns, whose absence is explained instead of being a KeyError."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from evalkit.core import Row, UsageError


class RowValues(dict[str, Any]):
    """The columns of one row. Asking for one that is not there raises a UsageError that names those that are.

    `origin` is where the row was read, for that message. `get` and `in` work as they do for any dict.
    """

    __slots__ = ("origin",)

    def __init__(self, values: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), origin: str = "") -> None:
        super().__init__(values)
        self.origin = origin

    def __missing__(self, name: str) -> NoReturn:
        raise missing_column(name, self, self.origin)


def require(row: Row, name: str) -> Any:
    """The value of the row's column `name`; UsageError, naming the columns there are, where it is missing."""
    if name in row.values:
        return row.values[name]
    raise missing_column(name, row.values, row.origin)


def missing_column(name: str, columns: Iterable[str], origin: str) -> UsageError:
    """The error for a column that a row lacks: what the row has, and the likeliest name that was meant."""
    there = [str(column) for column in columns]
    return UsageError(
        f"column {str(name)!r} is missing",
        found=f"columns: {', '.join(there) or 'none'}",
        fix=suggestion(str(name), there) or "name one of the columns that are there",
        at=origin,
    )


def suggestion(name: str, names: Iterable[str]) -> str:
    """ "did you mean 'question'?", or "" where no name comes close."""
    close = difflib.get_close_matches(name, list(names), n=1)
    return f"did you mean {close[0]!r}?" if close else ""
