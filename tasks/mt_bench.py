"""MT-Bench: 80 conversations of two turns in eight categories, graded by a judge.

Paper: https://arxiv.org/abs/2306.05685 (Zheng et al., 2023). Data: HuggingFaceH4/mt_bench_prompts, Apache-2.0 licence.
One row (only reasoning, math and coding have references):

    {"category": "reasoning", "prompt": ["Imagine you are participating in a race …", "If the \\"second person\\" …"],
     "reference": ["You are in second place.", "Uncertain."], "prompt_id": 101}

Temperatures are the paper's, by category. The judge is evalkit's own (judges/mt_bench), so grades are not those of
published tables. With `judge=none` the answers are only written, for `evalkit judge pairwise` and `tournament`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from evalkit.core import (
    AskModel,
    Attempt,
    Judge,
    Method,
    Model,
    PromptFormat,
    Reply,
    Row,
    Sample,
    Score,
    Scorer,
    ScoreSample,
    Subset,
    Task,
)
from evalkit.data import hub
from evalkit.plugins import load
from evalkit.prompting.methods import multi_turn
from evalkit.scoring.metrics import mean
from evalkit.scoring.scorers.judging import judged

META = {
    "name": "mt_bench",
    "summary": "80 conversations of two turns in eight categories, graded by a judge from 1 to 10",
    "tags": ["chat", "judge", "multi-turn", "english"],
}

_TEMPERATURES = {"writing": 0.7, "roleplay": 0.7, "stem": 0.1, "humanities": 0.1}


def task(*, judge: str = "mt_bench", form: Literal["chat", "text"] = "chat", max_tokens: int = 1024) -> Task:
    """`judge` is the judge's name or file, or "none". `form=text` writes the turns as one text, for base models."""
    return Task(
        name="mt_bench",
        data=(Subset(hub("HuggingFaceH4/mt_bench_prompts", split="train")),),
        sample=_sample,
        prompt=PromptFormat(),
        method=_by_category(form, max_tokens),
        scorers=(_length() if judge == "none" else _judged(judge),),
        primary_metric="characters" if judge == "none" else "",
    )


def _sample(row: Row) -> Sample:
    turns = list(row.values["prompt"])
    category = row.values["category"]
    return Sample(
        id=str(row.values["prompt_id"]),
        input=turns[0],
        groups=(category,),
        data={"turns": turns, "follow_up": turns[1:], "reference": list(row.values["reference"]), "category": category},
    )


@dataclass(frozen=True, slots=True)
class _AskByCategory(AskModel):
    by_temperature: Mapping[float, Method]

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        temperature = _TEMPERATURES.get(attempt.sample.data["category"], 0.0)
        return await self.by_temperature[temperature].ask(attempt, model)


def _by_category(form: Literal["chat", "text"], max_tokens: int) -> Method:
    """Two turns at the category's temperature."""
    every = {
        temperature: multi_turn(column="follow_up", form=form, max_tokens=max_tokens, temperature=temperature)
        for temperature in {0.0, *_TEMPERATURES.values()}
    }

    return replace(
        every[0.0], ask=_AskByCategory(every), settings={**every[0.0].settings, "sampling": "t=0.7/0.1/0 by category"}
    )


def _judged(name: str) -> Scorer:
    found = load("judge", name)
    assert isinstance(found, Judge)
    return judged(found)


@dataclass(frozen=True, slots=True)
class _Characters(ScoreSample):
    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        return (Score("characters", float(sum(len(reply.texts[0]) for reply in replies))),)


def _length() -> Scorer:
    """How long the answers are, where nobody judges them."""
    return Scorer("characters", _Characters(), ("characters",), (mean("characters", scale="number"),))
