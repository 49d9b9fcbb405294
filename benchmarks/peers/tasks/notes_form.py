"""Answers of a wanted length to a question about a note, after seven examples."""

from __future__ import annotations

from typing import Literal

from evalkit.core import Fewshot, PromptFormat, Row, Sample, Subset, Task
from evalkit.data import files
from evalkit.prompting.methods import generate
from evalkit.scoring.scorers import exact_match

META = {"name": "notes_form", "summary": "answers of varied lengths, 7-shot", "tags": ["benchmark"]}


def task(*, rows: str, order: Literal["first", "lm-eval"] = "lm-eval", stop: str = "") -> Task:
    """`rows` is the folder that holds `notes.jsonl` and its examples; `stop` ends a text beside a blank line."""
    return Task(
        name="notes_form",
        data=(Subset(files(f"{rows}/notes.jsonl"), files(f"{rows}/notes-examples.jsonl")),),
        sample=_sample,
        prompt=PromptFormat(),
        method=generate(max_tokens=64, stop=("\n\n", stop) if stop else ("\n\n",)),
        scorers=(exact_match(),),
        fewshot=Fewshot(7, order),
    )


def _sample(row: Row) -> Sample:
    values = row.values
    asked = f"Answer in {values['length']} about the {values['topic']}:"
    question = f"Note: {values['note']}\nQuestion: {values['question']}\n{asked}"
    return Sample(row.id, question, targets=(values["answer"],))
