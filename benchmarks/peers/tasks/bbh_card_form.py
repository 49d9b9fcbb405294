"""BBH as SmolLM2's card asks it: question and bare answer, three examples out of the same set, an exact match."""

from __future__ import annotations

from evalkit.core import Fewshot, PromptFormat, Row, Sample, Subset, Task
from evalkit.data import hub
from evalkit.prompting.methods import generate
from evalkit.scoring.scorers import exact_match
from tasks.bbh import META as BBH

META = {"name": "bbh_card_form", "summary": "BBH without reasoning, 3-shot", "tags": ["benchmark"]}


def task() -> Task:
    """All 27 tasks; their mean counts each alike."""
    names = [str(name) for name in BBH["variants"]]
    return Task(
        name="bbh_card_form",
        data=tuple(_subset(name) for name in names),
        sample=_sample,
        prompt=PromptFormat(),
        method=generate(max_tokens=64, stop=("Question:", "Question")),
        scorers=(exact_match(),),
        fewshot=Fewshot(3),
    )


def _subset(name: str) -> Subset:
    rows = hub("lukaemon/bbh", config=name, split="test")
    return Subset(rows, examples=rows, groups=(name,))


def _sample(row: Row) -> Sample:
    return Sample(row.id, f"Question: {row.values['input']}\nAnswer:", targets=(row.values["target"],))
