"""What a judge finds out about one record: claims, and what supports them. Metrics are made of these facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from evalkit.core import Model, Reply, Sample, digest_of
from evalkit.judging import PromptText
from evalkit.judging.ask import JudgeReply, Sampling, ask
from evalkit.judging.fencing import fenced, nonce
from evalkit.judging.rag.judged.claims_reader import (
    Claim,
    Claims,
    Decided,
    read_claims,
    read_flags,
    read_questions,
    read_useful,
    read_verdicts,
)
from evalkit.judging.rag.judged.memo import once
from evalkit.judging.rag.records import Context, RagRecord, distinct, of_sample
from evalkit.judging.rag.segments import segments
from evalkit.judging.rag.support.detector import abstains
from evalkit.scoring.extraction.reading import Reading

T = TypeVar("T")


class UnjudgedError(Exception):
    """A judge's reply that could not be read, with what was asked for."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One record put before one judge. Each question is asked once in a run, whichever metric comes first."""

    model: Model
    record: RagRecord
    max_tokens: int = 4096
    answerable: bool | None = None
    """Whether the contexts hold the answer, where the sample says so."""
    asked: list[JudgeReply[Any]] = field(default_factory=list)
    """The calls that this metric made itself, for its transcript."""

    @staticmethod
    def of(model: Model, sample: Sample, replies: tuple[Reply, ...], max_tokens: int = 4096) -> Facts:
        """The facts of a sample's record. Raises ValueError for a sample without contexts."""
        answerable = sample.data.get("answerable")
        known = None if answerable is None else bool(answerable)
        return Facts(model, of_sample(sample, replies), max_tokens, known)

    @property
    def contexts(self) -> tuple[Context, ...]:
        """The contexts that are judged: one that was retrieved twice is asked about, and counts, once."""
        return distinct(self.record.contexts)

    @property
    def answer(self) -> str:
        return (self.record.answer or "").strip()

    @property
    def reference(self) -> str:
        """The first reference answer; "" where there is none."""
        return self.record.reference_answers[0].strip() if self.record.reference_answers else ""

    async def claims(self, prompt: PromptText, text: str) -> tuple[Claim, ...]:
        """The claims of an answer or reference; none of a text that is empty or only says that it has no answer.

        Raises UnjudgedError where the judge's reply cannot be read.
        """
        told = [segment.text for segment in segments(text) if segment.claims]
        if all(abstains(sentence) for sentence in told):
            return ()
        listed, heads = _numbered(text)
        mark = nonce("claims", self.record.question, listed, heads)
        # Without its headings "It was built in 1873" under "Rowan Library" is a claim about nothing.
        around = "\n" + fenced(heads, "headings", mark) if heads else ""
        values = {
            "question": fenced(self.record.question, "question", mark),
            "answer": fenced(listed, "answer", mark) + around,
            "nonce": mark,
        }

        def read(reply: str, cut: bool) -> Reading[Claims]:
            return read_claims(reply, cut, len(told))

        found = await self._ask("claims", prompt.render(values), read, _CLAIMS_FORM, _CLAIMS_SCHEMA)
        return found.found

    async def verdicts(self, prompt: PromptText, items: Sequence[str], sources: Sequence[str]) -> tuple[Decided, ...]:
        """What the sources say of each item; without sources nothing is supported, and nobody is asked."""
        if not items:
            return ()
        if not sources:
            return tuple(Decided("unsupported", reason="there is no source") for _ in items)
        mark = nonce("verdicts", self.record.question, *items, "of", *sources)
        values = {
            "question": fenced(self.record.question, "question", mark),
            "claims": fenced("\n".join(f"{n}. {item}" for n, item in enumerate(items, 1)), "claims", mark),
            "sources": "\n".join(fenced(text, f"source {n}", mark) for n, text in enumerate(sources, 1)),
            "count": len(items),
            "nonce": mark,
        }

        def read(reply: str, cut: bool) -> Reading[tuple[Decided, ...]]:
            return read_verdicts(reply, cut, len(items), len(sources))

        return await self._ask("verdicts", prompt.render(values), read, _VERDICTS_FORM, _VERDICTS_SCHEMA)

    async def useful(self, prompt: PromptText) -> tuple[bool, ...]:
        """Whether each context, in the order of ranks, helps to arrive at the reference answer (else at the answer)."""
        contexts = [context.text for context in self.contexts]
        if not contexts:
            return ()
        target = self.reference or self.answer
        mark = nonce("useful", self.record.question, target, *contexts)
        values = {
            "question": fenced(self.record.question, "question", mark),
            "answer": fenced(target, "answer", mark),
            "contexts": "\n".join(fenced(text, f"context {n}", mark) for n, text in enumerate(contexts, 1)),
            "count": len(contexts),
            "nonce": mark,
        }

        def read(reply: str, cut: bool) -> Reading[tuple[bool, ...]]:
            return read_useful(reply, cut, len(contexts))

        return await self._ask("useful", prompt.render(values), read, _USEFUL_FORM, _USEFUL_SCHEMA)

    async def flags(self, prompt: PromptText, names: Sequence[str], texts: Mapping[str, str]) -> Mapping[str, bool]:
        """A true or false for every name; the texts go to the prompt by name, between delimiters."""
        mark = nonce("flags", *names, *texts.values())
        values = {name: fenced(text, name, mark) for name, text in texts.items()}

        def read(reply: str, cut: bool) -> Reading[Mapping[str, bool]]:
            return read_flags(reply, cut, names)

        fields = ", ".join(f'"{name}": true or false' for name in names)
        form = f'Reply with one JSON object and nothing after it:\n{{"reasoning": "…", {fields}}}'
        schema = _object({**_REASONING, **{name: {"type": "boolean"} for name in names}})
        return await self._ask("flags", prompt.render({**values, "nonce": mark}), read, form, schema)

    async def questions(self, prompt: PromptText, count: int) -> tuple[tuple[str, ...], bool]:
        """(questions that the answer would answer, whether it is evasive)."""
        mark = nonce("questions", str(count), self.answer)
        values = {"answer": fenced(self.answer, "answer", mark), "count": count, "nonce": mark}

        def read(reply: str, cut: bool) -> Reading[tuple[tuple[str, ...], bool]]:
            return read_questions(reply, cut, count)

        return await self._ask("questions", prompt.render(values), read, _QUESTIONS_FORM, _QUESTIONS_SCHEMA)

    async def _ask(
        self, kind: str, text: str, read: Callable[[str, bool], Reading[T]], form: str, schema: Mapping[str, Any]
    ) -> T:
        async def put() -> JudgeReply[Any]:
            return await ask(
                self.model, text, read, form=form, schema=schema, sampling=Sampling(max_tokens=self.max_tokens)
            )

        found, before = await once(self.model, digest_of(kind, str(self.max_tokens), text), put)
        if not before:
            self.asked.append(found)
        if found.value is None:
            raise UnjudgedError(f"{_WORDS[kind]}: {found.problem}")
        value: T = found.value
        return value


def _numbered(text: str) -> tuple[str, str]:
    """(the statements of a text, numbered; the headings and lines that lead in, with the statement they precede)."""
    said: list[str] = []
    heads: list[str] = []
    for segment in segments(text):
        if segment.claims:
            said.append(f"{len(said) + 1}. {segment.text}")
        elif segment.kind in ("heading", "lead-in"):
            heads.append(f"before statement {len(said) + 1}: {segment.text}")
    return "\n".join(said), "\n".join(heads)


_WORDS = {
    "claims": "the claims could not be read",
    "verdicts": "the verdicts could not be read",
    "useful": "the verdicts on contexts could not be read",
    "flags": "the judgement could not be read",
    "questions": "the questions could not be read",
}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


_REASONING = {"reasoning": {"type": "string"}}
_CLAIMS_SCHEMA = _object(
    {
        **_REASONING,
        "claims": {
            "type": "array",
            "items": _object({"sentence": {"type": "integer"}, "claim": {"type": "string"}}),
        },
        "nothing": {"type": "boolean"},
    }
)
_CLAIMS_FORM = (
    "Reply with one JSON object and nothing after it:\n"
    '{"reasoning": "…", "claims": [{"sentence": 1, "claim": "…"}, …], "nothing": false}\n'
    "Where the answer claims nothing at all, the list is empty and `nothing` is true."
)
_VERDICTS_SCHEMA = _object(
    {
        **_REASONING,
        "verdicts": {
            "type": "array",
            "items": _object(
                {
                    "claim": {"type": "integer"},
                    "reason": {"type": "string"},
                    "verdict": {"type": "string", "enum": ["supported", "contradicted", "unsupported"]},
                    "sources": {"type": "array", "items": {"type": "integer"}},
                }
            ),
        },
    }
)
_VERDICTS_FORM = (
    "Reply with one JSON object and nothing after it, one verdict for each claim:\n"
    '{"reasoning": "…", "verdicts": [{"claim": 1, "reason": "…", "verdict": "supported", "sources": [2]}, …]}'
)
_USEFUL_SCHEMA = _object(
    {
        **_REASONING,
        "contexts": {
            "type": "array",
            "items": _object({"context": {"type": "integer"}, "useful": {"type": "boolean"}}),
        },
    }
)
_USEFUL_FORM = (
    "Reply with one JSON object and nothing after it, one entry for each context:\n"
    '{"reasoning": "…", "contexts": [{"context": 1, "useful": true}, …]}'
)
_QUESTIONS_SCHEMA = _object(
    {**_REASONING, "questions": {"type": "array", "items": {"type": "string"}}, "evasive": {"type": "boolean"}}
)
_QUESTIONS_FORM = (
    'Reply with one JSON object and nothing after it:\n{"reasoning": "…", "questions": ["…", …], "evasive": false}'
)
