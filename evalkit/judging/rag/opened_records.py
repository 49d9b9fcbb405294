"""Rows that were made when a source was opened, and what is told of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from evalkit.core import BadRow, Row


@dataclass(frozen=True, slots=True)
class OpenedRecords:
    found: tuple[Row | BadRow, ...]
    digest: str
    facts: Mapping[str, str]

    @property
    def count(self) -> int:
        return len(self.found)

    def rows(self) -> Iterator[Row | BadRow]:
        return iter(self.found)
