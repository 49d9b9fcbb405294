"""The record of one retrieval-augmented answer, and where its parts lie on a sample, so that every scorer finds them.

On a `Sample`, `input` is the question (before any prompt around it), `targets` are the reference answers, and `data`
holds, as plain JSON:

    "question":   str
    "contexts":   [{"id", "text", "rank", "score"?, "document"?, "start"?, "end"?, "holds"?}, …], best first
    "references": [{"id", "text"?, "document"?, "relevance"?}, …], what should have been found; absent: nobody says
    "answer":     str, where the answer was made elsewhere ("" is an answer, too); else it is the reply
    "citations":  [{"context", "claim"?}, …], what the answer cites, where that was recorded next to it

`to_data` writes that form, `of_sample` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.core import Reply, Row, Sample
from evalkit.scoring.extraction import final_answer

__all__ = [
    "Citation",
    "Context",
    "RagRecord",
    "Reference",
    "distinct",
    "gold_ranks",
    "held_by",
    "of_sample",
    "to_data",
    "to_sample",
]


@dataclass(frozen=True, slots=True)
class Context:
    """A text that was put before the model. `rank` counts from 1; `score` is the retriever's, higher is better.

    A chunk of a document also says where it was: characters `start` to `end` of `document`. `holds` are the ids of
    the references whose text is in it.
    """

    id: str
    text: str
    rank: int
    score: float | None = None
    document: str = ""
    start: int | None = None
    end: int | None = None
    holds: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Its text with single blanks: contexts with the same words are one context, retrieved twice."""
        return " ".join(self.text.split())


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that should have been retrieved: a context or document by id, or a passage by its text (of a
    `document`, where that is known).

    `relevance` is its gain in nDCG; for every other metric it is relevant from above 0.
    """

    id: str
    text: str = ""
    document: str = ""
    relevance: float = 1.0


@dataclass(frozen=True, slots=True)
class Citation:
    """A context, by id, that the answer points at; `claim` is the part of the answer that does, where it is known."""

    context: str
    claim: str = ""


@dataclass(frozen=True, slots=True)
class RagRecord:
    """A question, what was retrieved for it, and what was answered.

    `answer` is None where no model was asked yet. `reference_answers` are right answers, each complete. `references`
    is None where nobody said what should have been retrieved, and empty where nothing should have been.
    """

    id: str
    question: str
    contexts: tuple[Context, ...] = ()
    answer: str | None = None
    reference_answers: tuple[str, ...] = ()
    references: tuple[Reference, ...] | None = None
    citations: tuple[Citation, ...] = ()

    @property
    def depth(self) -> int:
        """How many ranks were retrieved, those of contexts without text included."""
        return max((context.rank for context in self.contexts), default=0)

    def context(self, context_id: str) -> Context | None:
        """The context of that id, or None."""
        return next((context for context in self.contexts if context.id == context_id), None)


def to_data(record: RagRecord) -> dict[str, Any]:
    """What is under `Sample.data`: plain JSON, without keys that say nothing."""
    data: dict[str, Any] = {
        "question": record.question,
        "contexts": [_context_out(context) for context in record.contexts],
    }
    if record.references is not None:
        data["references"] = [_reference_out(reference) for reference in record.references]
    if record.answer is not None:
        data["answer"] = record.answer
    if record.citations:
        data["citations"] = [
            {"context": citation.context} | ({"claim": citation.claim} if citation.claim else {})
            for citation in record.citations
        ]
    return data


def to_sample(record: RagRecord, row: Row | None = None, *, groups: tuple[str, ...] = ()) -> Sample:
    """The record as a sample: its question as input, its reference answers as targets, the rest as data."""
    sample_id = record.id or (row.id if row else "")
    return Sample(sample_id, record.question, record.reference_answers, groups=groups, data=to_data(record))


def of_sample(sample: Sample, replies: Sequence[Reply] = (), *, blank: bool = False) -> RagRecord:
    """The record that a sample holds; its answer is the last reply's (without its reasoning), else the stored one.

    A context of white space is none and left out, the others keep their ranks; with `blank` all are there, since a
    retriever may be known by ids alone.
    Raises ValueError where the sample holds no contexts, which is a task's mistake.
    """
    data = sample.data
    if "contexts" not in data:
        raise ValueError(
            "the sample holds no contexts; its data needs the key 'contexts' (see evalkit.judging.rag.records)"
        )
    stored = data.get("answer")
    answer = final_answer(tuple(replies)).text if replies else None if stored is None else str(stored)
    references = data.get("references")
    contexts = [_context_in(raw, rank) for rank, raw in enumerate(data["contexts"], 1)]
    question = data.get("question", sample.input)
    return RagRecord(
        id=sample.id,
        question=question if isinstance(question, str) else question[-1].content,
        contexts=tuple(each for each in contexts if blank or each.text.strip()),
        answer=answer,
        reference_answers=sample.targets,
        references=None if references is None else tuple(map(_reference_in, references)),
        citations=tuple(Citation(str(raw["context"]), str(raw.get("claim", ""))) for raw in data.get("citations", ())),
    )


def gold_ranks(record: RagRecord) -> tuple[int, ...] | None:
    """The ranks (from 1) of the contexts that hold a reference; None where nobody said what should be retrieved."""
    if record.references is None:
        return None
    return tuple(context.rank for context in record.contexts if held_by(context, record.references))


def distinct(contexts: Sequence[Context]) -> tuple[Context, ...]:
    """The contexts of which none has the text of one before it: what was retrieved twice is there once."""
    return tuple({context.words: context for context in reversed(contexts)}.values())[::-1]


def held_by(context: Context, references: Sequence[Reference]) -> tuple[str, ...]:
    """The ids of the relevant references that a context holds: its own id, its document's, or those it `holds`."""
    names = {context.id, context.document, *context.holds} - {""}
    return tuple(reference.id for reference in references if reference.relevance > 0 and reference.id in names)


def _context_out(context: Context) -> dict[str, Any]:
    optional = {
        "score": context.score,
        "document": context.document or None,
        "start": context.start,
        "end": context.end,
        "holds": list(context.holds) or None,
    }
    kept = {key: value for key, value in optional.items() if value is not None}
    return {"id": context.id, "text": context.text, "rank": context.rank, **kept}


def _context_in(raw: Mapping[str, Any], rank: int) -> Context:
    return Context(
        id=str(raw["id"]),
        text=str(raw["text"]),
        rank=int(raw.get("rank", rank)),
        score=raw.get("score"),
        document=str(raw.get("document") or ""),
        start=raw.get("start"),
        end=raw.get("end"),
        holds=tuple(map(str, raw.get("holds", ()))),
    )


def _reference_out(reference: Reference) -> dict[str, Any]:
    text = {"text": reference.text} if reference.text else {}
    document = {"document": reference.document} if reference.document else {}
    relevance = {"relevance": reference.relevance} if reference.relevance != 1.0 else {}
    return {"id": reference.id, **text, **document, **relevance}


def _reference_in(raw: Mapping[str, Any]) -> Reference:
    return Reference(
        str(raw["id"]),
        str(raw.get("text") or ""),
        str(raw.get("document") or ""),
        float(raw.get("relevance", 1.0)),
    )
