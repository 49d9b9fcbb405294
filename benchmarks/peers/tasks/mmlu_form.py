"""Four-way multiple choice as MMLU asks it: letters, five fixed examples of the subject before every question."""

from __future__ import annotations

from pathlib import Path

from evalkit.core import Fewshot, PromptFormat, Row, Sample, Subset, Task
from evalkit.data import files
from evalkit.prompting.methods import choose
from evalkit.scoring.scorers import accuracy

META = {"name": "mmlu_form", "summary": "letters of listed choices, 5-shot", "tags": ["benchmark"]}

_LETTERS = ("A", "B", "C", "D")
_EXAMPLES = "-examples"


def task(*, rows: str) -> Task:
    """`rows` is the folder that holds `mmlu-<subject>.jsonl` and the examples of each subject."""
    stems = sorted(path.stem for path in Path(rows).glob("mmlu-*.jsonl") if not path.stem.endswith(_EXAMPLES))
    return Task(
        name="mmlu_form",
        data=tuple(
            Subset(files(f"{rows}/{stem}.jsonl"), files(f"{rows}/{stem}{_EXAMPLES}.jsonl"), groups=(stem,))
            for stem in stems
        ),
        sample=_sample,
        prompt=PromptFormat(description=_description),
        method=choose(),
        scorers=(accuracy(),),
        fewshot=Fewshot(5, "first"),
    )


def _sample(row: Row) -> Sample:
    values = row.values
    listed = (f"{letter}. {choice}" for letter, choice in zip(_LETTERS, values["choices"], strict=True))
    return Sample(
        id=row.id,
        input="\n".join([values["question"].strip(), *listed, "Answer:"]),
        targets=(_LETTERS[values["answer"]],),
        choices=_LETTERS,
        gold=(values["answer"],),
        data={"subject": values["subject"].replace("_", " ")},
    )


def _description(sample: Sample) -> str:
    return f"The following are multiple choice questions (with answers) about {sample.data['subject']}.\n\n"
