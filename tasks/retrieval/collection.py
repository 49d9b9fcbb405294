"""A collection in BEIR's shape: documents to search, and queries joined with their judgements."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from evalkit.core import BadRow, DataOptions, OpenedSource, Row, Source, UsageError, digest_of
from evalkit.data import bundled, files, rows

_DOCUMENTS, _QUERIES, _JUDGED = "corpus", "queries", "qrels"


@dataclass(frozen=True, slots=True)
class Collection:
    """Three sources; as one, the queries that have a relevant document."""

    corpus: Source
    queries: Source
    judged: Source

    def documents(self) -> Iterator[tuple[str, str]]:
        """(id, title and text) of every document. Raises UsageError for one that can't be read or comes twice."""
        seen: set[str] = set()
        for row in _readable(self.corpus.open(DataOptions())):
            document = _id(row, "_id")
            if document in seen:
                raise UsageError("two documents have one id", found=document, at=row.origin)
            seen.add(document)
            title, text = str(row.values.get("title") or ""), str(row.values["text"])
            yield document, f"{title} {text}".strip()

    def open(self, options: DataOptions) -> Opened:
        """Raises UsageError for a missing file, and where no query has a relevant document."""
        corpus, queries, judged = (part.open(options) for part in (self.corpus, self.queries, self.judged))
        relevance: dict[str, dict[str, float]] = {}
        for row in _readable(judged):
            query, document = _id(row, "query-id"), _id(row, "corpus-id")
            relevance.setdefault(query, {})[document] = float(row.values["score"])
        relevance = {query: found for query, found in relevance.items() if any(v >= 1 for v in found.values())}
        asked = [row for row in _readable(queries) if _id(row, "_id") in relevance]
        if not asked:
            raise UsageError("no query has a relevant document", found=", ".join(queries.facts.values()))
        return Opened(corpus, queries, judged, tuple(asked), relevance)


@dataclass(frozen=True, slots=True)
class Opened:
    """A collection that was found. Its digest covers documents, queries and judgements."""

    corpus: OpenedSource
    queries: OpenedSource
    judged: OpenedSource
    asked: tuple[Row, ...]
    relevance: Mapping[str, Mapping[str, float]]

    @property
    def digest(self) -> str:
        return digest_of(self.corpus.digest, self.queries.digest, self.judged.digest)

    @property
    def count(self) -> int:
        return len(self.asked)

    @property
    def facts(self) -> Mapping[str, str]:
        parts = ((_DOCUMENTS, self.corpus), (_QUERIES, self.queries), (_JUDGED, self.judged))
        return {name: next(iter(part.facts.values()), "") for name, part in parts} | {
            "documents": str(self.corpus.count)
        }

    def rows(self) -> Iterator[Row | BadRow]:
        for row in self.asked:
            query = _id(row, "_id")
            yield Row(query, {"text": row.values["text"], "relevance": dict(self.relevance[query])}, row.origin)


def bundled_collection() -> Collection:
    """The small collection that ships with evalkit."""
    corpus, queries, judged = (bundled(f"retrieval_{name}") for name in (_DOCUMENTS, _QUERIES, _JUDGED))
    return Collection(corpus, queries, judged)


def folder_collection(folder: str, split: str) -> Collection:
    """The collection of a folder. Raises UsageError where its judgements are missing."""
    base = Path(folder).expanduser()
    corpus, queries = (files(str(_file(base, name))) for name in (_DOCUMENTS, _QUERIES))
    return Collection(corpus, queries, _judgements(base, split))


def _file(base: Path, name: str) -> Path:
    """The table of that name, in whichever format it is; .jsonl where there is none, for the error to name."""
    for ending in (".jsonl", ".jsonl.gz", ".json", ".parquet", ".csv"):
        if (base / f"{name}{ending}").is_file():
            return base / f"{name}{ending}"
    return base / f"{name}.jsonl"


def _judgements(base: Path, split: str) -> Source:
    table = base / _JUDGED / f"{split}.tsv"
    if not table.is_file():
        inside = _file(base / _JUDGED, split)
        return files(str(inside if inside.is_file() else _file(base, _JUDGED)))
    with table.open(newline="", encoding="utf-8") as stream:
        found = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    for number, values in enumerate(found, 2):
        if None in values or None in values.values() or not _is_number(str(values.get("score"))):
            raise UsageError(
                "a judgement is query-id, corpus-id and score, with tabs between them and names in the first line",
                found=str(values),
                at=f"{table}:{number}",
            )
    return rows(found, name=str(table))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _id(row: Row, column: str) -> str:
    return str(row.values[column])


def _readable(opened: OpenedSource) -> Iterator[Row]:
    for row in opened.rows():
        if isinstance(row, BadRow):
            raise UsageError("a row cannot be read", found=row.problem, at=row.origin)
        yield row
