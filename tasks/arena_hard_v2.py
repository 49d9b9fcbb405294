"""Arena-Hard v2: 500 hard requests and 250 of creative writing, answered better or worse than by a baseline model.

Paper: https://arxiv.org/abs/2406.11939 (Li et al., 2024). Data: `folder`, a copy of data/arena-hard-v2.0 of
https://github.com/lmarena/arena-hard-auto (commit 196f6b826783b3da7310e361a805fa36f0be83f3), Apache-2.0 licence, with
question.jsonl and model_answer/<baseline>.jsonl. A row of each:

    {"uid": "2edbb5f36f5b42be", "category": "hard_prompt", "subcategory": "coding", "prompt": "Write me a …"}
    {"uid": "2edbb5f36f5b42be", "model": "o3-mini-2025-01-31", "messages": [{"role": "user", "content": "…"},
     {"role": "assistant", "content": {"answer": "…"}}]}

A judge compares each answer with the baseline's in both orders; a strong preference counts as three battles, as there,
and the score is the proportion of battles won. The judge's words are evalkit's own, and style is not controlled for, so
that figures compare with the authors' table without style control at most.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evalkit.core import (
    BadRow,
    DataOptions,
    Judge,
    Model,
    Reply,
    Row,
    Sample,
    Score,
    Scorer,
    ScoreSample,
    Subset,
    Task,
    UsageError,
)
from evalkit.data import files, require, selected
from evalkit.plugins import load
from evalkit.prompting.chat import chat_task
from evalkit.scoring.metrics import mean
from evalkit.scoring.metrics.corpus import of_counts

if TYPE_CHECKING:
    from evalkit.core import FloatRows

META = {
    "name": "arena_hard_v2",
    "summary": "750 requests against a baseline's answers, by a pairwise judge in both orders; folder=…",
    "tags": ["open-ended", "chat", "judge", "english"],
    "variants": ["category=hard_prompt", "category=creative_writing"],
}

_BASELINES = {"hard_prompt": "o3-mini-2025-01-31", "creative_writing": "gemini-2.0-flash-001"}
_STRONG = 3.0


def task(
    *,
    folder: str = "",
    category: Literal["hard_prompt", "creative_writing"] = "hard_prompt",
    baseline: str = "",
    judge: str = "arena_hard",
    max_tokens: int = 32768,
) -> Task:
    """The requests of one category. `baseline` names a file of model_answer, by default the authors' for the category;
    `judge` is the name or file of a pairwise judge."""
    if not folder:
        raise UsageError(
            "Arena-Hard v2 is a folder of questions and baselines",
            fix="arena_hard_v2,folder=<a copy of data/arena-hard-v2.0 of github.com/lmarena/arena-hard-auto>",
        )
    made = load("judge", judge)
    if not isinstance(made, Judge) or made.over != "pair":
        raise UsageError(f"{judge!r} does not compare two answers", fix="judge=arena_hard")
    answers = _Answers(Path(folder) / "model_answer" / f"{baseline or _BASELINES[category]}.jsonl")
    questions = selected(
        files(Path(folder) / "question.jsonl"), lambda row: row["category"] == category, f"category = {category}"
    )
    return chat_task(
        "arena_hard_v2",
        (Subset(questions),),
        lambda row: _sample(row, answers),
        (_battles(made, answers.path.stem),),
        max_tokens=max_tokens,
        primary="score",
    )


@dataclass(frozen=True, slots=True)
class _Answers:
    """The baseline's answers by the question's uid, read when the first is asked for."""

    path: Path
    _known: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    def of(self, uid: str) -> str:
        if not self._known:
            for row in files(self.path).open(DataOptions(offline=True)).rows():
                if not isinstance(row, BadRow):
                    self._known[str(require(row, "uid"))] = _answer(require(row, "messages"))
        if uid not in self._known:
            raise ValueError(f"the baseline {self.path.stem} has no answer to {uid}")
        return self._known[uid]


def _answer(messages: Any) -> str:
    """The last message's text, which stands under `answer` in the authors' files."""
    content = messages[-1]["content"]
    return str(content["answer"] if isinstance(content, Mapping) else content)


def _sample(row: Row, answers: _Answers) -> Sample:
    values = row.values
    uid = str(values["uid"])
    groups = (str(values["subcategory"]),)
    return Sample(uid, str(values["prompt"]), groups=groups, data={"baseline": answers.of(uid)})


@dataclass(frozen=True, slots=True)
class _Battles(ScoreSample):
    judge: Judge

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        theirs = Reply((str(sample.data["baseline"]),), ("stop",))
        verdict = await self.judge.verdict(sample, (replies[-1], theirs))
        win = next((score for score in verdict.scores if score.name == "win"), None)
        if win is None:
            lost = Score("win_rate", math.nan, None, verdict.reason, verdict.validity, details=verdict.details)
            return lost, replace(lost, name="consistent", details={})
        weights = [_STRONG if f"strong_{order}" in win.flags else 1.0 for order in range(len(win.counts))]
        won = sum(weight * value for weight, value in zip(weights, win.counts, strict=True))
        rate = Score("win_rate", won / sum(weights), win.answer, verdict.reason, counts=(won, sum(weights)))
        agreed = next((score for score in verdict.scores if score.name == "consistent"), Score("consistent", 1.0))
        return replace(rate, details=verdict.details), agreed


def _battles(judge: Judge, baseline: str) -> Scorer:
    settings = {"judge": judge.name, "judge_version": str(judge.version), "baseline": baseline, **judge.settings}
    metrics = (of_counts("score", "win_rate", 2, _won, weighed_by=1), mean("win_rate"), mean("consistent"))
    made = Scorer("battles", _Battles(judge), ("win_rate", "consistent"), metrics, settings)
    bound = judge.bound
    if bound is None:
        return made

    def judged_by(model: Model) -> Scorer:
        return _battles(bound(model), baseline)

    return replace(made, judged_by=judged_by)


def _won(sums: FloatRows) -> FloatRows:
    found: FloatRows = sums[:, 0] / sums[:, 1]
    return found
