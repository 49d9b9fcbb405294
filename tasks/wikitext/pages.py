"""Lines joined to pages: a page begins at a heading of the first level, ` = Title = `."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from evalkit.core import BadRow, DataOptions, OpenedSource, Row, Source, UsageError
from evalkit.data import require

_BLANK = " "


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of a source of lines. `otherwise` stands in where a mirror does not have the `lines`."""

    lines: Source
    otherwise: Source | None = None

    def open(self, options: DataOptions) -> OpenedPages:
        """Raises UsageError, the first source's, where no source can be opened."""
        try:
            return OpenedPages(self.lines.open(options))
        except UsageError:
            # Without a mirror the second source is as far away as the first.
            if self.otherwise is None or options.mirror is None:
                raise
            try:
                opened = self.otherwise.open(options)
            except UsageError:
                opened = None
            if opened is None:
                raise
            return OpenedPages(opened, {"note": "wikitext-2-raw-v1 is not mirrored; rare words are <unk>"})


@dataclass(frozen=True)
class OpenedPages:
    """Pages of lines that were found. The digest is the lines' own."""

    lines: OpenedSource
    more_facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        return self.lines.digest

    @property
    def facts(self) -> Mapping[str, str]:
        return {**self.lines.facts, "rows": "pages", **self.more_facts}

    @cached_property
    def count(self) -> int:
        """The number of pages, for which the lines are read once."""
        return sum(1 for _ in self.rows())

    def rows(self) -> Iterator[Row | BadRow]:
        return pages(self.lines.rows())


@dataclass(slots=True)
class _Page:
    first: Row | BadRow
    lines: list[str]
    problem: str = ""

    def finished(self, number: int, text: str) -> Row | BadRow:
        label = self.first.id.rpartition("/")[0] or "pages"
        page_id = f"{label}/page-{number}"
        if self.problem:
            return BadRow(page_id, self.first.origin, self.problem)
        return Row(page_id, {"page": text}, self.first.origin)


def pages(lines: Iterable[Row | BadRow]) -> Iterator[Row | BadRow]:
    """Rows with the column `page`, joined as the document-level edition of the set joins them, byte for byte.

    The set's blank lines are " ", of which the hub's rows keep "" in raw configs. A page ends without the line break
    before the next heading; the last one has the file's own.
    """
    page: _Page | None = None
    number = 0
    for row in lines:
        text = "" if isinstance(row, BadRow) else str(require(row, "text")).removesuffix("\n")
        if page is None or is_title(text):
            if page is not None and _has_text(page):
                yield page.finished(number, "\n".join(page.lines))
                number += 1
            page = _Page(row, [])
        page.lines.append(text if text.strip() else _BLANK)
        if isinstance(row, BadRow):
            page.problem = page.problem or f"{row.origin}: {row.problem}"
    if page is not None and _has_text(page):
        yield page.finished(number, "\n".join([*page.lines, ""]))


def _has_text(page: _Page) -> bool:
    return bool(page.problem) or any(line.strip() for line in page.lines)


def is_title(line: str) -> bool:
    """Whether a line is ` = Title = `; deeper headings are ` = = Section = = `, ` = = = Part = = = ` and so on.

    A formula alone on its line, ` = 1 N and so = `, is taken for a title too, as it is in the document-level edition.
    """
    heading = line.replace("= = =", "===").replace("= =", "==").strip()
    return heading.startswith("= ") and heading.endswith(" =")
