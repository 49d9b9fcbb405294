"""MMLU as SmolLM2's card asks it ("cloze"): the choices' own texts after the question, by normalised likelihood."""

from __future__ import annotations

from dataclasses import replace

from evalkit.core import Fewshot, PromptFormat, Row, Sample, Task
from evalkit.prompting.methods import choose
from tasks.mmlu import task as mmlu

META = {"name": "mmlu_card_form", "summary": "MMLU between texts, 0-shot", "tags": ["benchmark"]}


def task() -> Task:
    """All 57 subjects."""
    return replace(
        mmlu(form="text"),
        name="mmlu_card_form",
        sample=_sample,
        prompt=PromptFormat(),
        method=choose(),
        fewshot=Fewshot(0),
        primary_metric="acc_norm",
    )


def _sample(row: Row) -> Sample:
    values = row.values
    topic = values["subject"].replace("_", " ")
    asked = f"The following are questions about {topic}.\nQuestion: {values['question']}\nAnswer:"
    choices, right = tuple(values["choices"]), int(values["answer"])
    return Sample(row.id, asked, targets=(choices[right],), choices=choices, gold=(right,), data={"subject": topic})
