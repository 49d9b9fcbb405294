"""PIQA: two ways to reach a goal with everyday things, one of which works.

Paper: https://arxiv.org/abs/1911.11641 (Bisk et al., 2020). Data: ybisk/piqa, AFL-3.0 licence; baber/piqa holds the
same rows in a form that loads without a script. One row:

    {"goal": "When boiling butter, when it's ready, you can", "sol1": "Pour it onto a plate",
     "sol2": "Pour it into a jar", "label": 1}

The labels of the test split are hidden, so the validation split is asked.
"""

from __future__ import annotations

from evalkit.core import Fewshot, PromptFormat, Row, Sample, Source, Subset, Task
from evalkit.data import either, hub
from evalkit.prompting.methods import choose
from evalkit.scoring.scorers import accuracy

META = {
    "name": "piqa",
    "summary": "which of two ways reaches a goal in the physical world",
    "tags": ["commonsense", "physical", "multiple-choice", "english"],
}


def task() -> Task:
    """PIQA's validation split; few-shot examples come from its training split."""
    return Task(
        name="piqa",
        data=(Subset(_split("validation"), examples=_split("train")),),
        sample=_sample,
        prompt=PromptFormat(),
        method=choose(),
        scorers=(accuracy(),),
        fewshot=Fewshot(spare=True),
        primary_metric="acc_norm",
    )


def _split(name: str) -> Source:
    return either(hub("baber/piqa", split=name), hub("ybisk/piqa", config="plain_text", split=name))


def _sample(row: Row) -> Sample:
    values = row.values
    solutions, right = (values["sol1"], values["sol2"]), int(values["label"])
    return Sample(
        id=row.id,
        input=f"Question: {values['goal']}\nAnswer:",
        targets=(solutions[right],),
        choices=solutions,
        gold=(right,),
    )
