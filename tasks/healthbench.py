"""HealthBench: conversations about health, whose answers doctors' own rubrics grade item by item.

Paper: https://arxiv.org/abs/2505.08775 (Arora et al., 2025). Data: openai/healthbench, MIT licence, or `files`, one of
the JSONL files that https://github.com/openai/simple-evals (healthbench_eval.py) names: all 5,000, `hard` or
`consensus`. One row:

    {"prompt_id": "0…", "prompt": [{"role": "user", "content": "Why does my knee hurt? …"}],
     "rubrics": [{"criterion": "Asks how long …", "points": 5, "tags": ["level:example", "axis:context_awareness"]}],
     "example_tags": ["theme:context_seeking", …]}

A sample scores the points of the items that are met over those above 0; the headline is the mean, clipped to 0 and 1 as
a whole and not by sample. Axes are scored alike, and themes are groups.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from evalkit.core import Judge, Message, Row, Sample, Subset, Task, UsageError
from evalkit.data import files as from_files
from evalkit.data import hub
from evalkit.judging.items import Item
from evalkit.plugins import load
from evalkit.prompting.chat import chat_task
from evalkit.scoring.metrics.clipped import clipped_mean
from evalkit.scoring.scorers.judging import judged

META = {
    "name": "healthbench",
    "summary": "5,000 conversations about health, by rubric items with points of each; clipped mean",
    "tags": ["health", "chat", "judge", "english", "unverified"],
}

_AXES = ("accuracy", "communication_quality", "completeness", "context_awareness", "instruction_following")


def task(*, files: str = "", judge: str = "healthbench", max_tokens: int = 32768) -> Task:
    """`files` is OpenAI's file of all conversations, the hard or the consensus ones. `judge` is the name or file of a
    judge of rubric items. `max_tokens` bounds thought and answer."""
    made = load("judge", judge)
    if not isinstance(made, Judge):
        raise UsageError(f"{judge!r} is not a judge", found=type(made).__name__)
    [score] = made.scores
    metrics = (clipped_mean(score, name="score"), *(clipped_mean(f"axis:{axis}", name=axis) for axis in _AXES))
    return chat_task(
        "healthbench",
        (Subset(from_files(files) if files else hub("openai/healthbench", split="test")),),
        _sample,
        (replace(judged(made), metrics=metrics),),
        max_tokens=max_tokens,
        metrics=metrics,
        primary="score",
    )


def _sample(row: Row) -> Sample:
    values = row.values
    items = tuple(_item(one) for one in values["rubrics"])
    if not any(item.points > 0 for item in items):
        raise ValueError("no rubric item has points above 0")
    return Sample(
        id=str(values["prompt_id"]),
        input=tuple(Message(turn["role"], turn["content"]) for turn in values["prompt"]),
        groups=tuple(map(str, values["example_tags"])),
        data={"items": items},
    )


def _item(written: dict[str, Any]) -> Item:
    missing = [key for key in ("criterion", "points", "tags") if key not in written]
    if missing:
        raise ValueError(f"a rubric item lacks {missing[0]!r}, and has {', '.join(written)}")
    return Item(str(written["criterion"]), float(written["points"]), tuple(map(str, written["tags"])))
