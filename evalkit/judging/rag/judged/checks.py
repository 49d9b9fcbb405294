"""RAG metrics that look at a whole record: noise, relevance, refusal, and RAGChecker's figures with a diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evalkit.core import Judge
from evalkit.judging import PromptText
from evalkit.judging.rag import formulas
from evalkit.judging.rag.diagnosis import diagnose
from evalkit.judging.rag.judged.by_facts import Measured, MeasureFacts, Prompts, metric_judge
from evalkit.judging.rag.judged.facts import Facts
from evalkit.judging.rag.judged.metrics import verdict_table
from evalkit.judging.rag.judged.nearness import Vectors
from evalkit.judging.rag.records import gold_ranks

_NOISE = ("noise_sensitivity_in_relevant", "noise_sensitivity_in_irrelevant")


@dataclass(frozen=True, slots=True)
class _NoiseSensitivity(MeasureFacts):
    prompts: Prompts

    async def __call__(self, facts: Facts) -> Measured:
        found = await verdict_table(facts, self.prompts)
        if found is None:
            return Measured({}, {}, "there is no reference answer")
        table, details = found
        return Measured({figure: formulas.FIGURES[figure](table) for figure in _NOISE}, details)


def noise_sensitivity(name: str, prompts: Prompts) -> Judge:
    """Wrong claims of the answer that come from the contexts / all of its claims: from relevant contexts
    (`noise_sensitivity_in_relevant`) and from irrelevant ones alone (`noise_sensitivity_in_irrelevant`). A claim is
    wrong where the reference answer does not support it; a context is relevant where it supports the reference."""
    return metric_judge(name, _NOISE, _NoiseSensitivity(prompts), prompts.settings)


@dataclass(frozen=True, slots=True)
class _ClaimCheck(MeasureFacts):
    prompts: Prompts
    failed_below: float

    async def __call__(self, facts: Facts) -> Measured:
        found = await verdict_table(facts, self.prompts)
        if found is None:
            return Measured({}, {}, "there is no reference answer")
        table, details = found
        values = {figure: formula(table) for figure, formula in formulas.FIGURES.items()}
        gold = gold_ranks(facts.record)
        if gold is None:
            ranked = zip(facts.contexts, table.relevant, strict=True)
            gold = tuple(context.rank for context, relevant in ranked if relevant)
        f1 = values["f1"]
        faithful = values["faithfulness"]
        kept = None if faithful is None else faithful >= 1.0
        if f1 is not None:
            failed = f1 < self.failed_below
            why = diagnose(gold, facts.record.depth, failed=failed, faithful=kept)
            values |= {"failed": float(failed)}
            values |= {
                f"failed_{cause}": float(why.cause == cause) for cause in ("retrieval", "ordering", "generation")
            }
            details = {**details, **why.json()}
        return Measured(values, details)


def claim_check(name: str, prompts: Prompts, *, failed_below: float = 0.5) -> Judge:
    """RAGChecker's eleven figures of a sample, and why it failed.

    A sample fails where its `f1` is below `failed_below`; `failed` says so, and `failed_retrieval`, `failed_ordering`
    and `failed_generation` which part it is put down to (see `rag.diagnosis`). Evidence is in the contexts that
    hold a reference, where the sample names those, else in those that support a claim of the reference answer.
    """
    causes = ("failed", "failed_retrieval", "failed_ordering", "failed_generation")

    settings = {**prompts.settings, "failed_below": f"{failed_below:g}"}
    return metric_judge(name, (*formulas.FIGURES, *causes), _ClaimCheck(prompts, failed_below), settings)


@dataclass(frozen=True, slots=True)
class _AnswerRelevance(MeasureFacts):
    prompt: PromptText
    vectors: Vectors
    questions: int

    async def __call__(self, facts: Facts) -> Measured:
        if not facts.answer:
            return Measured({"answer_relevance": 0.0}, {}, "there is no answer")
        found, evasive = await facts.questions(self.prompt, self.questions)
        own, *others = await self.vectors((facts.record.question, *found))
        near = formulas.mean_cosine(own, others) or 0.0
        value = 0.0 if evasive else max(0.0, min(1.0, near))
        details: dict[str, Any] = {"questions": list(found), "evasive": evasive}
        return Measured({"answer_relevance": value}, details, "the answer is evasive" if evasive else "")


def answer_relevance(
    name: str, prompt: PromptText, vectors: Vectors, *, questions: int = 3, embedder: str = ""
) -> Judge:
    """`answer_relevance`: the mean cosine between the question and questions that the answer alone would answer.

    0 where the answer is evasive or empty, and negative cosines count as 0.
    """
    settings = {"prompt": prompt.digest, "questions": str(questions), "embedder": embedder or "words"}
    return metric_judge(name, ("answer_relevance",), _AnswerRelevance(prompt, vectors, questions), settings)


@dataclass(frozen=True, slots=True)
class _ContextRefusal(MeasureFacts):
    prompt: PromptText

    async def __call__(self, facts: Facts) -> Measured:
        if not facts.answer:
            return Measured(_silent(facts.answerable), {}, "there is no answer")
        contexts = "\n\n".join(context.text for context in facts.contexts)
        flags = await facts.flags(
            self.prompt,
            ("answerable", "refuses"),
            {"question": facts.record.question, "contexts": contexts, "answer": facts.answer},
        )
        given = facts.answerable
        answerable = flags["answerable"] if given is None else given
        right = float(flags["refuses"] is not answerable)
        values = {
            "context_refusal": right,
            "refused_rightly": None if answerable else right,
            "answered_rightly": right if answerable else None,
        }
        reason = f"{'refuses' if flags['refuses'] else 'answers'}, {'' if answerable else 'un'}answerable"
        details = {"refusal": {**flags, "by": "judge" if given is None else "sample"}}
        return Measured(values, details, reason)


def _silent(answerable: bool | None) -> dict[str, float | None]:
    """An empty answer neither answers nor says why not: wrong either way."""
    return {
        "context_refusal": 0.0,
        "refused_rightly": 0.0 if answerable is False else None,
        "answered_rightly": 0.0 if answerable else None,
    }


def context_refusal(name: str, prompt: PromptText) -> Judge:
    """Whether an answer refuses where the contexts lack it, and answers where they hold it: `context_refusal`.

    `refused_rightly` is that of samples whose contexts lack the answer alone, `answered_rightly` of the others.
    Whether they do is the sample's `answerable` where it says so, else the judge's opinion.
    """
    names = ("context_refusal", "refused_rightly", "answered_rightly")

    return metric_judge(name, names, _ContextRefusal(prompt), {"prompt": prompt.digest})
