"""Four ways to go on after a beginning, as HellaSwag asks it, after ten examples."""

from __future__ import annotations

from typing import Literal

from evalkit.core import Fewshot, PromptFormat, Row, Sample, Subset, Task
from evalkit.data import files
from evalkit.prompting.methods import choose
from evalkit.scoring.scorers import accuracy

META = {"name": "hellaswag_form", "summary": "endings of a story, 10-shot", "tags": ["benchmark"]}


def task(*, rows: str, order: Literal["first", "lm-eval"] = "lm-eval") -> Task:
    """`rows` is the folder that holds `stories.jsonl` and `stories-examples.jsonl`."""
    return Task(
        name="hellaswag_form",
        data=(Subset(files(f"{rows}/stories.jsonl"), files(f"{rows}/stories-examples.jsonl")),),
        sample=_sample,
        prompt=PromptFormat(),
        method=choose(),
        scorers=(accuracy(),),
        fewshot=Fewshot(10, order),
    )


def _sample(row: Row) -> Sample:
    endings, right = tuple(row.values["endings"]), row.values["label"]
    return Sample(row.id, row.values["query"], targets=(endings[right],), choices=endings, gold=(right,))
