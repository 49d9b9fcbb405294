"""Putting a record's question and passages before a model, or taking the answer that was made elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from evalkit.core import (
    AskModel,
    Attempt,
    Capabilities,
    Generate,
    Message,
    Method,
    Model,
    Prompt,
    PromptFormat,
    Reply,
    Sample,
    Task,
)
from evalkit.judging.rag.records import Citation, RagRecord, of_sample
from evalkit.models.stored import StoredAnswer
from evalkit.prompting.methods import generate

_MARK = re.compile(r"\[([^\[\]\n]{1,200})\]")
_ONLY = "Answer the question from the passages alone."
_CITE = "Behind each statement, give the number of the passage that it rests on, such as [1]."
_ABSENT = "Where the passages do not hold the answer, say that they do not."


def passages(record: RagRecord) -> str:
    """The contexts as a prompt shows them: numbered by rank, with a blank line between them."""
    return "\n\n".join(f"[{context.rank}] {context.text}" for context in record.contexts)


def context_prompt(*, cite: bool = False) -> PromptFormat:
    """Instructions, passages and question. With `cite`, statements are to carry the numbers of their passages."""

    def question(sample: Sample) -> str:
        record = of_sample(sample)
        rules = " ".join(filter(None, (_ONLY, _CITE if cite else "", _ABSENT)))
        return f"{rules}\n\nPassages:\n\n{passages(record)}\n\nQuestion: {record.question}\nAnswer:"

    return PromptFormat(question=question, answer=_gold)


@dataclass(frozen=True, slots=True)
class _AnswerFromContexts(AskModel):
    form: Literal["chat", "text"]
    plain: Method

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        if self.form == "chat":
            attempt = replace(attempt, prompt=Prompt(messages=(Message("user", attempt.prompt.text),)))
        return await self.plain.ask(attempt, model)


def answer_from_contexts(
    *, form: Literal["chat", "text"] = "chat", max_tokens: int = 256, stop: tuple[str, ...] = ()
) -> Method:
    """Let the model answer from the passages in its prompt; of a model `stored/…`, take each sample's own answer.

    `form` chat sends the prompt as a user's message, through a model's chat template, text sends it as it is.
    """
    plain = generate(max_tokens=max_tokens, stop=stop, gold=_gold)

    def adapt(task: Task, capabilities: Capabilities) -> Task:
        if StoredAnswer in capabilities.requests and Generate not in capabilities.requests:
            return replace(task, method=stored_answers())
        return task

    asking = _AnswerFromContexts(form, plain)
    settings = {**plain.settings, "form": form}
    return replace(plain, name="answer_from_contexts", ask=asking, adapt=adapt, settings=settings)


@dataclass(frozen=True, slots=True)
class _StoredAnswers(AskModel):
    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        answer = attempt.sample.data.get("answer")
        if answer is None:
            raise ValueError("the row holds no answer")
        return (Reply(texts=(str(answer),), finish=("stop",)),)

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        return (Reply(texts=(_gold(attempt.sample),), finish=("stop",)),)


def stored_answers() -> Method:
    """The answer that a sample brings along, as if a model had just given it. A sample without one fails."""
    stored = _StoredAnswers()
    return Method("stored_answers", stored, stored.gold, frozenset({StoredAnswer}))


def cited(answer: str, record: RagRecord) -> tuple[Citation, ...]:
    """The contexts that an answer names in brackets, by rank or id: `[2]`, `[1, 3]`, `[guide.md#0-80]`.

    Brackets that name no context are left out. Each context counts once, where it comes first.
    """
    names = {str(context.rank): context.id for context in record.contexts}
    names |= {context.id: context.id for context in record.contexts}
    found: dict[str, None] = {}
    for mark in _MARK.findall(answer):
        whole = names.get(mark.strip())
        parts = [whole] if whole else [names.get(part.strip()) for part in re.split("[,;]", mark)]
        found |= {part: None for part in parts if part}
    return tuple(map(Citation, found))


def _gold(sample: Sample) -> str:
    return sample.targets[0] if sample.targets else str(sample.data.get("answer", ""))
