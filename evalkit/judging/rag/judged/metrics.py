"""The RAG metrics that a judge's model decides. Each is a `Judge`; what it found out is in the scores' details.

Formulas: `judging.rag.formulas`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.core import Judge
from evalkit.judging import PromptText
from evalkit.judging.rag import formulas
from evalkit.judging.rag.formulas import Verdicts
from evalkit.judging.rag.judged.by_facts import Measured, MeasureFacts, Prompts, metric_judge
from evalkit.judging.rag.judged.claims_reader import Claim, Decided
from evalkit.judging.rag.judged.facts import Facts
from evalkit.judging.rag.records import Context
from evalkit.judging.rag.segments import segments, statements
from evalkit.judging.rag.support.detector import cited, plain

# ---------------------------------------------------------------- claims against contexts


@dataclass(frozen=True, slots=True)
class _Faithfulness(MeasureFacts):
    prompts: Prompts

    async def __call__(self, facts: Facts) -> Measured:
        claims, verdicts = await answer_in_contexts(facts, self.prompts)
        kinds = [decision.verdict for decision in verdicts]
        values = {
            "faithfulness": formulas.proportion([kind == "supported" for kind in kinds]),
            "intrinsic": formulas.proportion([kind == "contradicted" for kind in kinds]),
            "extrinsic": formulas.proportion([kind == "unsupported" for kind in kinds]),
        }
        return Measured(values, {"claims": told(facts, claims, verdicts)}, _worst(claims, verdicts))


def faithfulness(name: str, prompts: Prompts) -> Judge:
    """Claims of the answer that the contexts support / all claims, and what the others are.

    Scores: `faithfulness`; `intrinsic`, the proportion of claims that the contexts contradict, and `extrinsic`, of
    those that they say nothing of. The three add up to 1.
    """
    return metric_judge(name, ("faithfulness", "intrinsic", "extrinsic"), _Faithfulness(prompts), prompts.settings)


@dataclass(frozen=True, slots=True)
class _Groundedness(MeasureFacts):
    prompts: Prompts

    async def __call__(self, facts: Facts) -> Measured:
        claims, verdicts = await answer_in_contexts(facts, self.prompts)
        marks = _citations(facts)
        recall, precision = _cited(facts, claims, verdicts, marks)
        values = {
            "groundedness": formulas.proportion(
                [decision.supported and bool(decision.sources) for decision in verdicts]
            ),
            "citation_recall": recall,
            "citation_precision": precision,
        }
        listed = [claim.text for claim, decision in zip(claims, verdicts, strict=True) if not decision.supported]
        details = {
            "claims": told(facts, claims, verdicts),
            "citations": [{"sentence": place, "context": context} for place, context in marks],
            "ungrounded": listed,
        }
        return Measured(values, details, _worst(claims, verdicts))


def groundedness(name: str, prompts: Prompts) -> Judge:
    """Whether claims rest on contexts, and whether the answer's own citations say which.

    `groundedness`: claims that carry the id of a context that supports them / all claims. Of answers that cite (in
    brackets, or in the record's `citations`), as Gao et al. 2023 (https://arxiv.org/abs/2305.14627) define them over
    sentences: `citation_recall`, the proportion of claims whose sentence cites a context that supports them, and
    `citation_precision`, the proportion of citations that support a claim of their sentence. A citation of a context
    that is not there supports nothing.
    """
    return metric_judge(
        name, ("groundedness", "citation_recall", "citation_precision"), _Groundedness(prompts), prompts.settings
    )


@dataclass(frozen=True, slots=True)
class _ContextRecall(MeasureFacts):
    prompt: PromptText

    async def __call__(self, facts: Facts) -> Measured:
        items = statements(facts.reference)
        sources = [context.text for context in facts.contexts]
        verdicts = await facts.verdicts(self.prompt, items, sources) if items else ()
        value = formulas.proportion([decision.supported for decision in verdicts])
        claims = [Claim(text, place) for place, text in enumerate(items)]
        reason = _worst(claims, verdicts) if items else "there is no reference answer"
        return Measured({"context_recall": value}, {"claims": told(facts, claims, verdicts, of="reference")}, reason)


def context_recall(name: str, prompt: PromptText) -> Judge:
    """Sentences of the reference answer that the contexts support / all of its sentences: score `context_recall`."""
    return metric_judge(name, ("context_recall",), _ContextRecall(prompt), {"verdicts": prompt.digest})


@dataclass(frozen=True, slots=True)
class _ContextPrecision(MeasureFacts):
    prompt: PromptText

    async def __call__(self, facts: Facts) -> Measured:
        useful = await facts.useful(self.prompt)
        listed = [
            {"id": context.id, "rank": context.rank, "useful": value}
            for context, value in zip(facts.contexts, useful, strict=True)
        ]
        reason = "" if useful else "there are no contexts"
        return Measured({"context_precision": formulas.average_precision(useful)}, {"contexts": listed}, reason)


def context_precision(name: str, prompt: PromptText) -> Judge:
    """Average precision of the useful contexts in the order of their ranks: score `context_precision`."""
    return metric_judge(name, ("context_precision",), _ContextPrecision(prompt), {"useful": prompt.digest})


# ---------------------------------------------------------------- claims against a reference


@dataclass(frozen=True, slots=True)
class _FactualCorrectness(MeasureFacts):
    prompts: Prompts
    beta: float

    async def __call__(self, facts: Facts) -> Measured:
        both = await _both(facts, self.prompts)
        if both is None:
            return Measured({}, {}, "there is no reference answer")
        precision, recall, details = both
        values = {
            "factual_precision": precision,
            "factual_recall": recall,
            "factual_f": formulas.f_beta(precision, recall, self.beta),
        }
        return Measured(values, details)


def factual_correctness(name: str, prompts: Prompts, *, beta: float = 1.0) -> Judge:
    """`factual_precision`: answer claims that the reference supports / answer claims; `factual_recall`: reference
    claims that the answer supports / reference claims; `factual_f`, their F of `beta`. Answer claims and reference
    claims are never counted together."""
    settings = {**prompts.settings, "beta": f"{beta:g}"}
    return metric_judge(
        name, ("factual_precision", "factual_recall", "factual_f"), _FactualCorrectness(prompts, beta), settings
    )


async def _both(facts: Facts, prompts: Prompts) -> tuple[float | None, float | None, dict[str, Any]] | None:
    """(precision, recall, what they rest on) of the answer against the reference; None without a reference."""
    if not facts.reference:
        return None
    own, in_reference = await answer_in_reference(facts, prompts)
    wanted, in_answer = await reference_in_answer(facts, prompts)
    details = {
        "claims": told(facts, own, in_reference, sources=("reference",)),
        "reference_claims": told(facts, wanted, in_answer, of="reference", sources=("answer",)),
    }
    precision = formulas.proportion([decision.supported for decision in in_reference])
    return precision, formulas.proportion([decision.supported for decision in in_answer]), details


@dataclass(frozen=True, slots=True)
class _AnswerCorrectness(MeasureFacts):
    prompts: Prompts
    similar: Callable[[str, str], Awaitable[float]]
    factual: float

    async def __call__(self, facts: Facts) -> Measured:
        both = await _both(facts, self.prompts)
        if both is None:
            return Measured({}, {}, "there is no reference answer")
        f1 = formulas.f_beta(both[0], both[1])
        near = max(0.0, await self.similar(facts.answer, facts.reference)) if facts.answer else 0.0
        value = formulas.weighted([(f1, self.factual), (near, 1.0 - self.factual)])
        return Measured({"answer_correctness": value, "factual_f1": f1, "similarity": near}, both[2])


def answer_correctness(name: str, prompts: Prompts, similar: Callable[[str, str], Awaitable[float]],
                       *, factual: float = 0.75, settings: Mapping[str, str] | None = None) -> Judge:  # fmt: skip
    """`answer_correctness`: `factual` times the F1 of the claims plus the rest times the cosine of answer and
    reference; both parts are next to it as `factual_f1` and `similarity`."""
    told_of = {**prompts.settings, "factual": f"{factual:g}", **(settings or {})}
    return metric_judge(
        name, ("answer_correctness", "factual_f1", "similarity"), _AnswerCorrectness(prompts, similar, factual), told_of
    )


# ---------------------------------------------------------------- all claims against everything


async def verdict_table(facts: Facts, prompts: Prompts) -> tuple[Verdicts, dict[str, Any]] | None:
    """RAGChecker's four tables of a record, and what they rest on; None without a reference answer."""
    if not facts.reference:
        return None
    own, by_context = await answer_in_contexts(facts, prompts)
    _, in_reference = await answer_in_reference(facts, prompts)
    wanted, in_answer = await reference_in_answer(facts, prompts)
    sources = [context.text for context in facts.contexts]
    covered = await facts.verdicts(prompts.verdicts, [claim.text for claim in wanted], sources)
    count = len(sources)

    def rows(decisions: Sequence[Decided]) -> tuple[tuple[bool, ...], ...]:
        return tuple(tuple(d.supported and k in d.sources for k in range(count)) for d in decisions)

    table = Verdicts(
        tuple(d.supported for d in in_reference),
        tuple(d.supported for d in in_answer),
        rows(by_context),
        rows(covered),
        count,
    )
    details = {
        "claims": [
            {**claim, "in_reference": decision.supported}
            for claim, decision in zip(told(facts, own, by_context), in_reference, strict=True)
        ],
        "reference_claims": [
            {**claim, "in_answer": decision.supported}
            for claim, decision in zip(told(facts, wanted, covered, of="reference"), in_answer, strict=True)
        ],
    }
    return table, details


# ---------------------------------------------------------------- what several metrics ask


async def answer_in_contexts(facts: Facts, prompts: Prompts) -> tuple[tuple[Claim, ...], tuple[Decided, ...]]:
    """The answer's claims and what the contexts say of them."""
    claims = await facts.claims(prompts.claims, facts.answer)
    sources = [context.text for context in facts.contexts]
    return claims, await facts.verdicts(prompts.verdicts, [claim.text for claim in claims], sources)


async def answer_in_reference(facts: Facts, prompts: Prompts) -> tuple[tuple[Claim, ...], tuple[Decided, ...]]:
    """The answer's claims and what the reference answer says of them."""
    claims = await facts.claims(prompts.claims, facts.answer)
    return claims, await facts.verdicts(prompts.verdicts, [claim.text for claim in claims], [facts.reference])


async def reference_in_answer(facts: Facts, prompts: Prompts) -> tuple[tuple[Claim, ...], tuple[Decided, ...]]:
    """The reference's claims and what the answer says of them."""
    claims = await facts.claims(prompts.claims, facts.reference)
    sources = [facts.answer] if facts.answer else []
    return claims, await facts.verdicts(prompts.verdicts, [claim.text for claim in claims], sources)


def told(
    facts: Facts,
    claims: Sequence[Claim],
    verdicts: Sequence[Decided],
    *,
    of: str = "answer",
    sources: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Claims as `Score.details` holds them. An answer's claim that is contradicted is an intrinsic hallucination, one
    that is unsupported an extrinsic one."""
    ids = tuple(sources) or tuple(context.id for context in facts.contexts)
    kinds = {"contradicted": "intrinsic", "unsupported": "extrinsic"} if of == "answer" and not sources else {}
    return [
        {
            "text": claim.text,
            "verdict": decision.verdict,
            "contexts": [ids[place] for place in decision.sources],
            "kind": kinds.get(decision.verdict, ""),
            "sentence": claim.sentence,
            "reason": decision.reason,
        }
        for claim, decision in zip(claims, verdicts, strict=True)
    ]


def _worst(claims: Sequence[Claim], verdicts: Sequence[Decided]) -> str:
    """The first claim that is not supported, contradicted ones before others."""
    if not claims:
        return "nothing is claimed"
    for kind in ("contradicted", "unsupported"):
        for claim, decision in zip(claims, verdicts, strict=True):
            if decision.verdict == kind:
                return f"{kind}: {claim.text}"
    return ""


def _citations(facts: Facts) -> list[tuple[int, str | None]]:
    """(sentence, id of the context) of every citation in the answer; None for a context that is not there. Citations
    of the record without a claim stand for every sentence, as -1."""
    found: list[tuple[int, str | None]] = []
    place = -1
    for segment in segments(facts.answer):
        place += segment.claims
        if segment.claims or (segment.kind == "citation" and place >= 0 and not plain(segment.text)):
            marks = cited(segment.text, facts.record.contexts)
            found += [(place, _first_of(facts, context)) for _, context in marks]
    for citation in facts.record.citations:
        there = facts.record.context(citation.context)
        wanted = " ".join(statements(citation.claim)) or citation.claim
        places = [n for n, text in enumerate(statements(facts.answer)) if wanted and wanted in text]
        found.append((places[0] if places else -1, _first_of(facts, there)))
    return found


def _first_of(facts: Facts, cited: Context | None) -> str | None:
    """The id under which a context is judged: of those with its text, the first one's."""
    if cited is None:
        return None
    return next(context.id for context in facts.contexts if context.words == cited.words)


def _cited(
    facts: Facts, claims: Sequence[Claim], verdicts: Sequence[Decided], marks: Sequence[tuple[int, str | None]]
) -> tuple[float | None, float | None]:
    if not marks:
        return None, None
    ids = [context.id for context in facts.contexts]
    supporting = [{ids[place] for place in d.sources} if d.supported else set() for d in verdicts]
    carried = [
        any(place in (claim.sentence, -1) and context in support for place, context in marks)
        for claim, support in zip(claims, supporting, strict=True)
    ]
    right = [
        any(
            place in (claim.sentence, -1) and context in support
            for claim, support in zip(claims, supporting, strict=True)
        )
        for place, context in marks
    ]
    return formulas.proportion(carried), formulas.proportion(right)
