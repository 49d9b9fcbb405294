"""Rows of records: as a file holds them, or as a retriever fills them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from evalkit.core import DataOptions, OpenedSource, Row, Source, digest_of
from evalkit.data.values import RowValues
from evalkit.judging.rag.columns import Form
from evalkit.judging.rag.opened_records import OpenedRecords
from evalkit.judging.rag.record_reader import record_of
from evalkit.judging.rag.records import RagRecord, to_data
from evalkit.judging.rag.retriever import Retrieval, Retriever

__all__ = ["retrieved"]


def retrieved(questions: Source, folder: str, settings: Retrieval, form: Form = "auto") -> Source:
    """The rows of `questions`, each with what was retrieved for it from the text files below `folder`.

    Contexts that a row brings along are left out. What should be retrieved (`references`) is a document by its path,
    a place (`path#start-end`) or a passage's text. Opening raises UsageError: as `questions` does, for a folder
    without text files, for a row that is not a record, and for a reference that no document holds.
    """
    return _Retrieved(questions, folder, settings, form)


@dataclass(frozen=True, slots=True)
class _Retrieved:
    questions: Source
    folder: str
    settings: Retrieval
    form: Form

    def open(self, options: DataOptions) -> OpenedSource:
        opened = self.questions.open(options)
        retriever = Retriever(self.folder, self.settings)
        rows = list(opened.rows())
        records = [record_of(row, self.form) for row in rows if isinstance(row, Row)]
        filled = iter(list(_filled(retriever, records, [row.origin for row in rows if isinstance(row, Row)])))
        digest = digest_of(opened.digest, retriever.digest, self.form)
        retriever.close()
        facts = {**opened.facts, "docs": self.folder, **retriever.facts}
        return OpenedRecords(
            tuple(_row(row, next(filled)) if isinstance(row, Row) else row for row in rows),
            digest,
            facts,
        )


def _filled(retriever: Retriever, records: list[RagRecord], origins: list[str]) -> Iterator[RagRecord]:
    contexts = retriever.retrieved([record.question for record in records])
    for record, found, origin in zip(records, contexts, origins, strict=True):
        references, held = None, dict[str, tuple[str, ...]]()
        if record.references is not None:
            references, held = retriever.documents_index.located(record.references, origin)
        yield replace(
            record,
            references=references,
            contexts=tuple(replace(context, holds=held.get(context.id, ())) for context in found),
        )


def _row(row: Row, record: RagRecord) -> Row:
    """The record in evalkit's own columns. What else the row has stays."""
    own: dict[str, Any] = {"id": record.id, "reference_answers": list(record.reference_answers), **to_data(record)}
    return Row(row.id, RowValues(own, row.origin), row.origin)
