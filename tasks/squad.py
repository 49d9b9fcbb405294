"""SQuAD: questions about Wikipedia paragraphs whose answers are spans of the paragraph, or, in version 2, not there.

Papers: https://arxiv.org/abs/1606.05250 (Rajpurkar et al., 2016) and https://arxiv.org/abs/1806.03822 (version 2,
2018). Data: rajpurkar/squad and rajpurkar/squad_v2, CC-BY-SA-4.0. One row:

    {"id": "56be4db0acb8001400a502ec", "title": "Super_Bowl_50", "context": "Super Bowl 50 was an American …",
     "question": "Which NFL team represented the AFC at Super Bowl 50?",
     "answers": {"text": ["Denver Broncos", "Denver Broncos", "Denver Broncos"], "answer_start": [177, 177, 177]}}

Questions about one paragraph share a cluster, because a model that misreads the paragraph misses several of them.
The prompt is lm-evaluation-harness's; its few-shot examples have two spaces before the answer, ours have one.
With `best=true`, version 2 also asks how likely "unanswerable" is, for `best_exact` and `best_f1`: what the best
threshold on that probability would have scored.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Literal

from evalkit.core import (
    AskModel,
    Attempt,
    Choose,
    DataOptions,
    Method,
    Metric,
    Model,
    PromptFormat,
    Reply,
    Row,
    Sample,
    Source,
    Subset,
    Task,
    UsageError,
    digest_of,
)
from evalkit.data import bundled, hub, rows
from evalkit.prompting.methods import generate
from evalkit.scoring.metrics import mean
from evalkit.scoring.scorers import squad
from evalkit.scoring.scorers.no_answer_prob import no_answer_prob

META = {
    "name": "squad",
    "summary": "answers to questions about a paragraph, by exact match and token F1; version=2 has unanswerable ones",
    "tags": ["question-answering", "reading", "english"],
    "variants": ["version=1", "version=2"],
    "toys": {"toy_squad": {"data": "toy"}},
}

UNANSWERABLE = "unanswerable"


def task(
    *,
    version: Literal[1, 2] = 1,
    best: bool = False,
    data: Literal["hub", "toy"] = "hub",
    missing: Literal["left_out", "wrong"] = "left_out",
) -> Task:
    """SQuAD 1.1, or version 2 with its unanswerable questions, where "unanswerable" is the right reply.

    `best` adds version 2's scores at the best threshold; the model must give log-likelihoods. `missing=wrong` counts a
    question without a reply, because the backend failed, as wrong, as the official script counts one that the
    predictions lack; otherwise it leaves n.
    """
    if best and version == 1:
        raise UsageError("best=true is for questions without an answer", fix="squad,version=2,best=true")
    written = generate(max_tokens=64, stop=("\n",), gold=_gold)
    scorer = squad(no_answer=UNANSWERABLE)
    return Task(
        name="squad",
        data=(_toy_subset(version) if data == "toy" else _hub_subset(version),),
        sample=_sample if version == 1 else _sample_v2,
        prompt=PromptFormat(answer=_gold),
        method=_weighed_too(written) if best else written,
        scorers=(scorer, no_answer_prob()) if best else (scorer,),
        metrics=() if missing == "left_out" else _counting_missing(best),
        primary_metric="f1" if missing == "left_out" else "f1_missing_wrong",
    )


def _counting_missing(best: bool) -> tuple[Metric, ...]:
    found = tuple(mean(score, missing="wrong") for score in ("exact", "f1"))
    return (*found, *no_answer_prob().metrics) if best else found


@dataclass(frozen=True, slots=True)
class _WeighedToo(AskModel):
    written: Method

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        weighed, text = await asyncio.gather(
            model.answer(Choose(attempt.prompt, (UNANSWERABLE,))), self.written.ask(attempt, model)
        )
        return (weighed, *text)

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        sure = 0.0 if not any(attempt.sample.targets) else -1e9
        return (Reply(loglikelihoods=(sure,), greedy=(sure == 0.0,)), *self.written.gold(attempt))


def _weighed_too(written: Method) -> Method:
    """Asks how likely the word for no answer is, too; the text is the last reply, which scorers read."""
    settings = {**written.settings, "weighed": UNANSWERABLE}
    weighed = _WeighedToo(written)
    return replace(written, ask=weighed, gold=weighed.gold, needs=written.needs | {Choose}, settings=settings)


def _sample(row: Row) -> Sample:
    values = row.values
    title, context, question = values["title"], values["context"], values["question"]
    return Sample(
        id=row.id,
        input=f"Title: {title}\n\nBackground: {context}\n\nQuestion: {question}\n\nAnswer:",
        # Annotators often agree: each reference is kept once.
        targets=tuple(dict.fromkeys(values["answers"]["text"])),
        cluster=digest_of(title, context),
    )


def _sample_v2(row: Row) -> Sample:
    sample = _sample(row)
    return replace(sample, groups=("has-answer" if sample.targets else "no-answer",))


def _gold(sample: Sample) -> str:
    return sample.targets[0] if sample.targets else UNANSWERABLE


def _hub_subset(version: int) -> Subset:
    name, config = ("squad", "plain_text") if version == 1 else ("squad_v2", "squad_v2")
    source = f"rajpurkar/{name}"
    return Subset(
        rows=hub(source, config=config, split="validation"),
        examples=hub(source, config=config, split="train"),
    )


def _toy_subset(version: int) -> Subset:
    source: Source = bundled("qa")
    if version == 1:
        found = [row.values for row in source.open(DataOptions()).rows() if isinstance(row, Row)]
        source = rows([values for values in found if values["answers"]["text"]], name="qa")
    return Subset(source)
