"""Rows that are already in memory: for the Python API and for tests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from evalkit.core import BadRow, DataOptions, Row, UsageError
from evalkit.data.ids import NOT_UNIQUE, IdTally, own_id
from evalkit.data.values import RowValues


@dataclass(frozen=True, slots=True)
class MemorySource:
    """Rows given as a sequence of mappings."""

    values: Sequence[Mapping[str, Any]]
    name: str = "rows"

    def open(self, options: DataOptions) -> OpenedMemory:
        """Raises UsageError where there are no rows, or one is not a mapping from names to values."""
        if not self.values:
            raise UsageError("the data set is empty", fix="give it at least one row", at=self.name)
        for number, value in enumerate(self.values):
            if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
                raise UsageError(
                    "a row must be a mapping from column names to values",
                    found=type(value).__name__,
                    at=f"{self.name}#{number}",
                )
        tally = IdTally()
        for value in self.values:
            tally.add(value)
        collide = tally.collide()
        facts = {"rows": self.name} | ({"ids": NOT_UNIQUE} if collide else {})
        return OpenedMemory(self.values, self.name, facts, use_own_ids=not collide)


@dataclass(frozen=True, slots=True)
class OpenedMemory:
    """Rows in memory, ready to be asked for."""

    values: Sequence[Mapping[str, Any]]
    name: str
    facts: Mapping[str, str]
    use_own_ids: bool

    @property
    def digest(self) -> str:
        """32 hex digits of a SHA-256 over the rows as JSON with sorted keys; what JSON lacks stands as its repr."""
        sha = hashlib.sha256()
        for value in self.values:
            sha.update(orjson.dumps(dict(value), default=repr, option=_CANONICAL))
        return sha.hexdigest()[:32]

    @property
    def count(self) -> int:
        return len(self.values)

    def rows(self) -> Iterator[Row | BadRow]:
        for number, value in enumerate(self.values):
            values = RowValues(value, f"{self.name}#{number}")
            own = own_id(values) if self.use_own_ids else ""
            yield Row(own or f"{self.name}/{number}", values, values.origin)


_CANONICAL = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
