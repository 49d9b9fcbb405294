"""From a row of a file, in any of the known forms, to a record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from evalkit.core import Row, UsageError
from evalkit.data.formats import excerpt
from evalkit.judging.rag.columns import FORMS, Form, Part, columns_of
from evalkit.judging.rag.csv_lists import listed
from evalkit.judging.rag.records import Citation, Context, RagRecord, Reference
from evalkit.judging.rag.tracing import held_passages

_ANSWERS = frozenset(name for columns in FORMS.values() for name in columns["answer"])
_TEXTS = ("text", "page_content", "content")
_IDS = ("id", "id_", "doc_id", "node_id", "chunk_id", "_id")
_DOCUMENTS = ("document", "ref_doc_id", "document_id", "source", "file_path", "file_name")


def record_of(row: Row, form: Form = "auto") -> RagRecord:
    """The record of a row. A column that holds null or an empty text says nothing; an answer may be an empty text.

    Contexts are texts or objects, best first; the score and the document are taken where an object has them. Raises
    UsageError with the row's place: no question, two columns for one part, a context without a text, two contexts of
    one id with different texts (with one text they are one context), ids that are not as many as their texts, an answer
    that is not text.
    """
    values = {
        name: value
        for name, value in row.values.items()
        if not _is_nothing(value) or (value == "" and name in _ANSWERS)
    }
    columns = columns_of(values, form, row.origin)
    answer, nodes = _answer(values.get(columns.get("answer", "")), row.origin)
    given = values.get(columns.get("contexts", ""), nodes)
    contexts = _contexts(
        _items(given, columns.get("contexts", "contexts"), row.origin),
        _ids(values, columns, "context_ids", row),
        row.origin,
    )
    references = _references(values, columns, row)
    if references is not None:
        contexts = held_passages(contexts, references)
    question = values[columns["question"]]
    if not isinstance(question, str):
        raise UsageError("the question is not a text", found=type(question).__name__, at=row.origin)
    return RagRecord(
        id=str(values.get(columns.get("id", ""), row.id)),
        question=question,
        contexts=contexts,
        answer=answer,
        reference_answers=_texts(values.get(columns.get("reference_answers", "")), row.origin),
        references=references,
        citations=_citations(values.get(columns.get("citations", "")), row.origin),
    )


def _is_nothing(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _answer(value: Any, at: str) -> tuple[str | None, Any]:
    """The answer, and the contexts that LlamaIndex's Response holds next to it."""
    nodes = None
    if isinstance(value, Mapping):
        nodes = value.get("source_nodes")
        value = value.get("response", value.get("content"))
    if value is not None and not isinstance(value, str):
        raise UsageError("the answer is not a text", found=type(value).__name__, at=at)
    return value, nodes


def _items(value: Any, name: str, at: str) -> list[Any]:
    try:
        return listed(value)
    except ValueError as error:
        fix = "a JSON list in the cell, or the rows as JSONL or Parquet"
        raise UsageError(f"column {name!r} holds no list", found=str(error), fix=fix, at=at) from None


def _ids(values: Mapping[str, Any], columns: Mapping[Part, str], part: Part, row: Row) -> list[str]:
    return [str(item) for item in _items(values.get(columns.get(part, "")), columns.get(part, part), row.origin)]


def _contexts(items: list[Any], ids: list[str], at: str) -> tuple[Context, ...]:
    if ids and len(ids) != len(items):
        raise UsageError("ids and contexts are not as many", found=f"{len(ids)} ids, {len(items)} contexts", at=at)
    contexts = tuple(_context(item, rank, ids[rank - 1] if ids else "", at) for rank, item in enumerate(items, 1))
    kept: dict[str, Context] = {}
    for context in contexts:
        before = kept.setdefault(context.id, context)
        if before.text != context.text:
            raise UsageError("two contexts have one id and different texts", found=repr(context.id), at=at)
    return tuple(kept.values())


def _context(item: Any, rank: int, own_id: str, at: str) -> Context:
    if isinstance(item, str):
        return Context(own_id or str(rank), item, rank)
    score = None
    if isinstance(item, Mapping):
        score = item.get("score")
        # LlamaIndex wraps a node with its score, LangChain's own serialiser a document in its constructor's arguments.
        inner = item.get("node", item.get("kwargs", item))
        item = inner if isinstance(inner, Mapping) else item
    text = next((item[name] for name in _TEXTS if isinstance(item.get(name), str)), None) if _is_object(item) else None
    if text is None:
        found = ", ".join(map(str, item)) if _is_object(item) else excerpt(str(item))
        raise UsageError(f"context {rank} holds no text", found=found, fix=" or ".join(map(repr, _TEXTS)), at=at)
    start, end = _span(item, text)
    if own_id or (named := _first(item, _IDS)) is None:
        named = own_id or str(rank)
    return Context(
        id=str(named),
        text=text,
        rank=rank,
        score=None if score is None else _number(score, f"score of context {rank}", at),
        document=_document(item),
        start=start,
        end=end,
    )


def _is_object(item: Any) -> bool:
    return isinstance(item, Mapping)


def _first(item: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((item[name] for name in names if isinstance(item.get(name), str | int) and item[name] != ""), None)


def _document(item: Mapping[str, Any]) -> str:
    """The document that a context is from: its own field, its metadata's, or LlamaIndex's source relationship ("1")."""
    metadata = item.get("metadata")
    places = (item, metadata if isinstance(metadata, Mapping) else {})
    found = next((name for place in places if (name := _first(place, _DOCUMENTS)) is not None), None)
    relations = item.get("relationships")
    if found is None and isinstance(relations, Mapping) and isinstance(relations.get("1"), Mapping):
        found = relations["1"].get("node_id")
    return "" if found is None else str(found)


def _span(item: Mapping[str, Any], text: str) -> tuple[int | None, int | None]:
    """Where in its document a context stands: our own names, LlamaIndex's, or LangChain's `start_index`."""
    metadata = item.get("metadata")
    start = item.get("start", item.get("start_char_idx"))
    if start is None and isinstance(metadata, Mapping):
        start = metadata.get("start_index")
    if not isinstance(start, int):
        return None, None
    end = item.get("end", item.get("end_char_idx"))
    return start, end if isinstance(end, int) else start + len(text)


def _references(values: Mapping[str, Any], columns: Mapping[Part, str], row: Row) -> tuple[Reference, ...] | None:
    column, ids = columns.get("references", ""), _ids(values, columns, "reference_ids", row)
    if column not in values:
        # A column that is there and empty says that nothing should have been found; one that is null says nothing.
        return tuple(Reference(one) for one in dict.fromkeys(ids)) if ids else None
    items = _items(values[column], column, row.origin)
    if ids and len(ids) != len(items):
        raise UsageError(
            "ids and reference contexts are not as many", found=f"{len(ids)} ids, {len(items)} texts", at=row.origin
        )
    found = [_reference(item, number, ids, row.origin) for number, item in enumerate(items, 1)]
    return tuple({reference.id: reference for reference in found}.values())


def _reference(item: Any, number: int, ids: list[str], at: str) -> Reference:
    if isinstance(item, str):
        return Reference(ids[number - 1] if ids else f"passage-{number}", item)
    if not isinstance(item, Mapping):
        raise UsageError(f"reference {number} is neither a text nor an object", found=excerpt(str(item)), at=at)
    inner = item.get("kwargs", item.get("node", item))
    text = next((inner[name] for name in _TEXTS if isinstance(inner.get(name), str)), "")
    document, own = _document(inner), _first(inner, _IDS)
    if not text and own is None and not document:
        raise UsageError(f"reference {number} has neither id nor document nor text", found=", ".join(item), at=at)
    name = own if own is not None else (f"passage-{number}" if text else document)
    relevance = _number(item.get("relevance", 1.0), f"relevance of reference {number}", at)
    return Reference(ids[number - 1] if ids else str(name), text, document, relevance)


def _number(value: Any, name: str, at: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"the {name} is not a number", found=repr(value), at=at)
    return number


def _texts(value: Any, at: str) -> tuple[str, ...]:
    """One text, or a list of them; a text that looks like a list in a CSV file is one."""
    if isinstance(value, str) and not value.lstrip().startswith("["):
        return (value,)
    try:
        items = listed(value)
    except ValueError:
        items = [value]
    if not all(isinstance(item, str) for item in items):
        raise UsageError("a reference answer is not a text", found=excerpt(str(value)), at=at)
    return tuple(item for item in items if item)


def _citations(value: Any, at: str) -> tuple[Citation, ...]:
    found = []
    for number, item in enumerate(_items(value, "citations", at), 1):
        if isinstance(item, Mapping) and "context" in item:
            found.append(Citation(str(item["context"]), str(item.get("claim", ""))))
        elif isinstance(item, str | int):
            found.append(Citation(str(item)))
        else:
            raise UsageError(f"citation {number} names no context", found=excerpt(str(item)), at=at)
    return tuple(found)
