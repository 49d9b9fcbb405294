"""Answers with a label, whether they are hallucinated, from the files of HaluEval, RAGTruth and SummEval.

Column names are those of the releases (https://github.com/RUCAIBox/HaluEval, https://github.com/ParticleMedia/RAGTruth,
https://github.com/Yale-LILY/SummEval) and of their copies on the hub.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evalkit.core import BadRow, DataOptions, OpenedSource, Row, Source, UsageError, digest_of
from evalkit.data.values import RowValues
from evalkit.judging.rag.opened_records import OpenedRecords

Form = Literal["auto", "planted", "halueval", "ragtruth", "summeval"]
_CONSISTENT = 5.0
"""The full mark of SummEval's experts; an average below it is a summary that is not consistent."""


def labelled(source: Source, form: Form = "auto", sources: Source | None = None) -> Source:
    """The answers of `source`, one row each: `question`, `contexts`, `answer`, `hallucinated`, `kind`, `record`.

    A row of HaluEval holds a right and a hallucinated answer and gives two; a row of SummEval on the hub sixteen.
    `sources` is RAGTruth's source_info.jsonl, which its response.jsonl refers to. `auto` tells the form by a row's
    columns. Reading raises UsageError for a row of no known form.
    """
    return _Labelled(source, form, sources)


@dataclass(frozen=True, slots=True)
class _Labelled:
    source: Source
    form: Form
    sources: Source | None

    def open(self, options: DataOptions) -> OpenedSource:
        opened = self.source.open(options)
        known: dict[str, Mapping[str, Any]] = {}
        digest = digest_of(opened.digest, self.form)
        if self.sources is not None:
            beside = self.sources.open(options)
            digest = digest_of(digest, beside.digest)
            for row in beside.rows():
                if isinstance(row, Row):
                    known[str(row.values["source_id"])] = row.values
        found = [made for row in opened.rows() for made in _expanded(row, self.form, known)]
        return OpenedRecords(tuple(found), digest, {**opened.facts, "answers": str(len(found))})


def _expanded(row: Row | BadRow, form: Form, known: Mapping[str, Mapping[str, Any]]) -> Iterator[Row | BadRow]:
    if isinstance(row, BadRow):
        yield row
        return
    chosen = _form_of(row) if form == "auto" else form
    for number, values in enumerate(_READERS[chosen](row, known), 1):
        yield Row(f"{row.id}#{number}", RowValues({"record": row.id, **values}, row.origin), row.origin)


def _form_of(row: Row) -> Form:
    columns = set(row.values)
    if {"faithful", "planted"} <= columns:
        return "planted"
    if {"machine_summaries", "consistency"} <= columns or {"decoded", "expert_annotations"} <= columns:
        return "summeval"
    if "hallucination_labels_processed" in columns or {"response", "labels"} <= columns:
        return "ragtruth"
    if "hallucination" in columns or columns & {"hallucinated_answer", "hallucinated_response", "hallucinated_summary"}:
        return "halueval"
    raise UsageError(
        "the row is of no known form",
        found="columns: " + ", ".join(sorted(columns)),
        fix="the files of HaluEval, RAGTruth or SummEval; see docs/how-to/rag.md",
        at=row.origin,
    )


# ---------------------------------------------------------------- one reader a form


def _planted(row: Row, known: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    shared = {"question": row.values["question"], "contexts": row.values["contexts"], "kind": row.values["kind"]}
    yield {**shared, "answer": row.values["faithful"], "hallucinated": False}
    yield {**shared, "answer": row.values["planted"], "hallucinated": True}


def _halueval(row: Row, known: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    values = row.values
    context = values.get("knowledge") or values.get("document")
    if not context:
        raise UsageError(
            "a row of HaluEval without knowledge has no context to be faithful to",
            found="columns: " + ", ".join(sorted(values)),
            fix="its qa, dialogue or summarization file",
            at=row.origin,
        )
    shared = {"question": _asked(values), "contexts": _contexts(context), "kind": _halueval_kind(values)}
    if "hallucination" in values:
        answer = next((values[name] for name in ("answer", "response", "summary") if values.get(name)), "")
        yield {**shared, "answer": str(answer), "hallucinated": _yes(values["hallucination"], row)}
        return
    for name in ("answer", "response", "summary"):
        if f"hallucinated_{name}" in values:
            yield {**shared, "answer": str(values[f"right_{name}"]), "hallucinated": False}
            yield {**shared, "answer": str(values[f"hallucinated_{name}"]), "hallucinated": True}


def _ragtruth(row: Row, known: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    values = row.values
    if "hallucination_labels_processed" in values:
        marks = _json(values["hallucination_labels_processed"])
        kind = _ragtruth_kind([name for name, count in marks.items() if int(count or 0) > 0])
        yield {
            "question": str(values.get("query") or ""),
            "contexts": _contexts(values["context"]),
            "answer": str(values["output"]),
            "hallucinated": bool(kind),
            "kind": str(values.get("task_type") or ""),
        }
        return
    source = known.get(str(values.get("source_id")))
    if source is None:
        raise UsageError(
            f"the source {values.get('source_id')!r} of a response is missing",
            fix="hallucination_detection,files=response.jsonl,sources=source_info.jsonl",
            at=row.origin,
        )
    info = source["source_info"]
    question = str(info.get("question", "")) if isinstance(info, Mapping) else ""
    passages = info.get("passages", info) if isinstance(info, Mapping) else info
    yield {
        "question": question,
        "contexts": _contexts(passages if isinstance(passages, str) else json.dumps(passages, ensure_ascii=False)),
        "answer": str(values["response"]),
        "hallucinated": bool(values["labels"]),
        "kind": str(source.get("task_type") or ""),
    }


def _summeval(row: Row, known: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    values = row.values
    shared = {"question": "", "contexts": _contexts(values.get("text", "")), "kind": "Summary"}
    if not values.get("text"):
        raise UsageError(
            "a row of SummEval holds no article",
            found="columns: " + ", ".join(sorted(values)),
            fix="the aligned and paired file, whose column is `text`",
            at=row.origin,
        )
    if "machine_summaries" in values:
        for summary, mark in zip(values["machine_summaries"], values["consistency"], strict=True):
            yield {**shared, "answer": str(summary), "hallucinated": float(mark) < _CONSISTENT}
        return
    marks = [float(each["consistency"]) for each in values["expert_annotations"]]
    yield {**shared, "answer": str(values["decoded"]), "hallucinated": sum(marks) / len(marks) < _CONSISTENT}


_READERS = {"planted": _planted, "halueval": _halueval, "ragtruth": _ragtruth, "summeval": _summeval}


def _contexts(text: object) -> list[dict[str, Any]]:
    return [{"id": "source", "text": str(text), "rank": 1}]


def _asked(values: Mapping[str, Any]) -> str:
    return str(values.get("question") or values.get("dialogue_history") or "")


def _halueval_kind(values: Mapping[str, Any]) -> str:
    return "summarization" if "document" in values else "dialogue" if "dialogue_history" in values else "qa"


def _ragtruth_kind(marks: list[str]) -> str:
    return "+".join(sorted(marks))


def _yes(value: object, row: Row) -> bool:
    said = str(value).strip().lower()
    if said not in ("yes", "no", "true", "false"):
        raise UsageError("the column `hallucination` is yes or no", found=repr(value), at=row.origin)
    return said in ("yes", "true")


def _json(value: object) -> Mapping[str, Any]:
    found = json.loads(value) if isinstance(value, str) else value
    if not isinstance(found, Mapping):
        raise ValueError(f"labels are a mapping, found {value!r:.60}")
    return found
