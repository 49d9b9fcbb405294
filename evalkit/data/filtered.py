"""The rows of a source that have a certain value in a column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from evalkit.core import BadRow, DataOptions, OpenedSource, Row, Source, digest_of
from evalkit.data.values import require

# By digest of the source and column: how many rows have a value, and under None how many cannot be read.
_COUNTED: dict[tuple[str, str], Counter[str | None]] = {}


@dataclass(frozen=True, slots=True)
class Filtered:
    """A source, the column that is looked at, and the value that a row must have there."""

    source: Source
    column: str
    value: str

    def open(self, options: DataOptions) -> OpenedFiltered:
        """Raises UsageError where the source cannot be opened."""
        return OpenedFiltered(self.source.open(options), self.column, self.value)


@dataclass(frozen=True)
class OpenedFiltered:
    """What a row that cannot be read would have had in the column is unknown: it stays, under a separate id."""

    opened: OpenedSource
    column: str
    value: str

    @property
    def digest(self) -> str:
        return digest_of(self.opened.digest, self.column, self.value)

    @property
    def facts(self) -> Mapping[str, str]:
        return {**self.opened.facts, "rows": f"{self.column} = {self.value}"}

    @cached_property
    def count(self) -> int:
        """The number of rows, for which all of them are read once, whatever the number of filters."""
        key = (self.opened.digest, self.column)
        if key not in _COUNTED:
            _COUNTED[key] = Counter(_value(row, self.column) for row in self.opened.rows())
        return _COUNTED[key][self.value] + _COUNTED[key][None]

    def rows(self) -> Iterator[Row | BadRow]:
        for row in self.opened.rows():
            if isinstance(row, BadRow):
                yield BadRow(f"{row.id} ({self.value})", row.origin, row.problem)
            elif _value(row, self.column) == self.value:
                yield row


def _value(row: Row | BadRow, column: str) -> str | None:
    return None if isinstance(row, BadRow) else str(require(row, column))
