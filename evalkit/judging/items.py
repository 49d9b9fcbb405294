"""Rubric items of a sample's own: each with points, positive or negative, that a judge finds met or not."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evalkit.core import Judge, Model, Reply, Sample, Score, Validity, Verdict
from evalkit.judging.ask import JudgeReply, Sampling, ask
from evalkit.judging.json_objects import ending_object
from evalkit.judging.prompts import PromptText
from evalkit.judging.protocols import Decide, answers_of, decided, judge_of, unjudged
from evalkit.scoring.extraction.reading import Reading

_SCHEMA = {
    "type": "object",
    "properties": {"explanation": {"type": "string"}, "criteria_met": {"type": "boolean"}},
    "required": ["explanation", "criteria_met"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Item:
    """What is asked of an answer, what it is worth (below 0 where a good answer does not meet it), and its tags."""

    criterion: str
    points: float
    tags: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"[{self.points:g}] {self.criterion}"


@dataclass(frozen=True, slots=True)
class _JudgeItems(Decide):
    name: str
    text: PromptText
    form: str
    max_tokens: int
    _no_answer: Mapping[str, Any] = field(default_factory=dict)

    async def __call__(self, model: Model, sample: Sample, replies: tuple[Reply, ...]) -> Verdict:
        items: tuple[Item, ...] = sample.data["items"]
        answer = answers_of(replies)[-1]
        if not answer:
            return Verdict((Score(self.name, 0.0),), "there is no answer", Validity.NO_ANSWER)
        told = _conversation(sample, answer)
        asked = await asyncio.gather(*(self._one(model, told, item) for item in items))
        unread = [one.problem for one in asked if one.value is None]
        if unread:
            return unjudged(f"{len(unread)} of {len(items)} items: {unread[0]}", asked)
        met = [bool(one.value) for one in asked]
        scores = [Score(self.name, points_of(items, met), answer=f"{sum(met)} of {len(items)} met")]
        for tag in sorted({tag for item in items for tag in item.tags}):
            value = points_of(items, met, tag)
            scores += [Score(tag, value)] if math.isfinite(value) else []
        return decided(scores, asked)

    async def _one(self, model: Model, conversation: str, item: Item) -> JudgeReply[bool]:
        rendered = self.text.render({"conversation": conversation, "rubric_item": str(item)})
        return await ask(model, rendered, _read, form=self.form, schema=_SCHEMA, sampling=Sampling(self.max_tokens))


def items_judge(name: str, prompt: PromptText, form: str, *, max_tokens: int = 2048, version: int = 1) -> Judge:
    """A judge of the items that a sample's data hold under `items`, each asked by itself.

    `prompt` is filled with `conversation` (a line "role: text" a message, with the answer as the last) and
    `rubric_item` ("[points] criterion"); `form` ends it. The score `name` is the sum of the points that are met over
    the sum of those above 0: at most 1, and below 0 where bad items are met. Each tag of the items has a score like it,
    where one of its items has points above 0. An answer of which an item cannot be read is unjudged as a whole.
    """
    settings = {"prompt": prompt.digest, "form": form}
    decide = _JudgeItems(name, prompt, form, max_tokens)
    return judge_of(name, decide, scores=(name,), settings=settings, version=version, scale="number")


def points_of(items: Sequence[Item], met: Sequence[bool], tag: str = "") -> float:
    """The points that are met over those, of all items or of those with the tag; NaN where none is
    above 0."""
    chosen = [(item, is_met) for item, is_met in zip(items, met, strict=True) if not tag or tag in item.tags]
    possible = math.fsum(item.points for item, _ in chosen if item.points > 0)
    return math.fsum(item.points for item, is_met in chosen if is_met) / possible if possible else math.nan


def _conversation(sample: Sample, answer: str) -> str:
    if isinstance(sample.input, str):
        said = [("user", sample.input)]
    else:
        said = [(message.role, str(message.content)) for message in sample.input]
    return "\n\n".join(f"{role}: {text}" for role, text in (*said, ("assistant", answer)))


def _read(text: str, cut: bool) -> Reading[bool]:
    found, _ = ending_object(text)
    value = None if found is None else found.get("criteria_met")
    if isinstance(value, bool):
        return Reading(value)
    if found is None and cut:
        return Reading(problem="the reply was cut at its token limit")
    return Reading(problem="no JSON object with criteria_met true or false")
