"""The rows of a source that a function keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from evalkit.core import BadRow, DataOptions, OpenedSource, Row, Source, digest_of

Keep = Callable[[Mapping[str, Any]], bool]

# By digest of the source and words: how many rows are kept, so that several filters read a source once each.
_COUNTED: dict[tuple[str, str], int] = {}


@dataclass(frozen=True, slots=True)
class Selected:
    """A source, what decides over the columns of a row, and the words that say which rows these are."""

    source: Source
    keep: Keep
    words: str

    def open(self, options: DataOptions) -> OpenedSelected:
        """Raises UsageError where the source cannot be opened."""
        return OpenedSelected(self.source.open(options), self.keep, self.words)


@dataclass(frozen=True)
class OpenedSelected:
    """A row that cannot be read might have been kept: it stays."""

    opened: OpenedSource
    keep: Keep
    words: str

    @property
    def digest(self) -> str:
        return digest_of(self.opened.digest, self.words)

    @property
    def facts(self) -> Mapping[str, str]:
        return {**self.opened.facts, "rows": self.words}

    @cached_property
    def count(self) -> int:
        key = (self.opened.digest, self.words)
        if key not in _COUNTED:
            _COUNTED[key] = sum(1 for _ in self.rows())
        return _COUNTED[key]

    def rows(self) -> Iterator[Row | BadRow]:
        return (row for row in self.opened.rows() if isinstance(row, BadRow) or self.keep(row.values))
