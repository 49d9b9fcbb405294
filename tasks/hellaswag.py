"""HellaSwag: how a scene goes on, among endings that a language model wrote and people find absurd.

Paper: https://arxiv.org/abs/1905.07830 (Zellers et al., 2019). Data: Rowan/hellaswag, MIT licence. One row:

    {"ind": 24, "activity_label": "Roof shingle removal", "ctx_a": "A man is sitting on a roof.", "ctx_b": "he",
     "ctx": "A man is sitting on a roof. he", "endings": ["is using wrap to wrap a pair of skis.", …],
     "source_id": "activitynet~v_-JhWjGDPHMY", "split": "val", "split_type": "indomain", "label": "3"}

The labels of the test split are hidden, so the validation split is asked. The texts are cleaned of WikiHow's marks as
in lm-evaluation-harness: its published scores hang on every blank of it.
"""

from __future__ import annotations

import re

from evalkit.core import Fewshot, PromptFormat, Row, Sample, Subset, Task
from evalkit.data import hub
from evalkit.prompting.methods import choose
from evalkit.scoring.scorers import accuracy

META = {
    "name": "hellaswag",
    "summary": "how an everyday scene goes on, among four endings",
    "tags": ["commonsense", "completion", "multiple-choice", "english"],
}

_BRACKETS = re.compile(r"\[.*?\]")


def task() -> Task:
    """HellaSwag's validation split; few-shot examples come from its training split."""
    return Task(
        name="hellaswag",
        data=(
            Subset(
                rows=hub("Rowan/hellaswag", split="validation"),
                examples=hub("Rowan/hellaswag", split="train"),
            ),
        ),
        sample=_sample,
        prompt=PromptFormat(),
        method=choose(),
        scorers=(accuracy(),),
        fewshot=Fewshot(spare=True),
        primary_metric="acc_norm",
    )


def _sample(row: Row) -> Sample:
    values = row.values
    # capitalize() also lowers every other letter, names included; that is what the definition does.
    scene = f"{values['activity_label']}: {values['ctx_a']} {values['ctx_b'].capitalize()}"
    endings, right = tuple(map(_cleaned, values["endings"])), int(values["label"])
    return Sample(row.id, _cleaned(scene), targets=(endings[right],), choices=endings, gold=(right,))


def _cleaned(text: str) -> str:
    text = text.strip().replace(" [title]", ". ")
    return _BRACKETS.sub("", text).replace("  ", " ")
