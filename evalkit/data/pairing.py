"""Rows of several sources that belong together by a column, such as a text and its translations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from evalkit.core import BadRow, DataOptions, OpenedSource, Row, Source, UsageError, digest_of
from evalkit.data.values import RowValues, require


@dataclass(frozen=True, slots=True)
class Paired:
    """Sources by the names that their texts are to have, the column that joins them and the one that holds the text."""

    sources: Mapping[str, Source]
    on: str
    column: str

    def open(self, options: DataOptions) -> OpenedPaired:
        """Raises UsageError where a source cannot be opened."""
        opened = {name: source.open(options) for name, source in self.sources.items()}
        return OpenedPaired(opened, self.on, self.column)


@dataclass(frozen=True)
class OpenedPaired:
    """The rows of the first source, each with the others' texts. All but the first are held in memory."""

    opened: Mapping[str, OpenedSource]
    on: str
    column: str

    @property
    def digest(self) -> str:
        return digest_of(self.on, self.column, *(f"{name}={one.digest}" for name, one in self.opened.items()))

    @property
    def facts(self) -> Mapping[str, str]:
        first, *others = self.opened.items()
        with_them = ", ".join(f"{name}: {one.facts.get('config') or one.facts.get('path', '')}" for name, one in others)
        return {**first[1].facts, "paired with": with_them}

    @property
    def count(self) -> int | None:
        return next(iter(self.opened.values())).count

    @cached_property
    def _others(self) -> Mapping[str, Mapping[str, str]]:
        return {
            name: {
                str(require(row, self.on)): str(require(row, self.column))
                for row in one.rows()
                if not isinstance(row, BadRow)
            }
            for name, one in list(self.opened.items())[1:]
        }

    def rows(self) -> Iterator[Row | BadRow]:
        """Reading raises UsageError for a row that another source has no partner of."""
        first = next(iter(self.opened))
        for row in self.opened[first].rows():
            if isinstance(row, BadRow):
                yield row
                continue
            key = str(require(row, self.on))
            texts = {first: str(require(row, self.column))}
            for name, known in self._others.items():
                if key not in known:
                    raise UsageError(
                        f"no row of {name!r} has the {self.on} {key!r}", fix="the same split of both", at=row.origin
                    )
                texts[name] = known[key]
            yield Row(row.id, RowValues({**row.values, **texts}, row.origin), row.origin)
