"""The likelihood of whole documents, some of them longer than the model reads at once."""

from __future__ import annotations

from evalkit.core import PromptFormat, Sample, Subset, Task
from evalkit.data import files
from evalkit.prompting.methods import perplexity
from evalkit.scoring.scorers.likelihood import rolling as likelihood

META = {"name": "rolling_form", "summary": "rolling perplexity of documents", "tags": ["benchmark"]}


def task(*, rows: str) -> Task:
    """`rows` is the folder that holds `documents.jsonl`."""
    return Task(
        name="rolling_form",
        data=(Subset(files(f"{rows}/documents.jsonl")),),
        sample=lambda row: Sample(row.id, row.values["text"], targets=(row.values["text"],)),
        prompt=PromptFormat(),
        method=perplexity(),
        scorers=(likelihood(),),
    )
