"""MMLU: 57 subjects of four-way multiple choice, from elementary mathematics to professional law.

Paper: https://arxiv.org/abs/2009.03300 (Hendrycks et al., 2021). Data: cais/mmlu, MIT licence. One row:

    {"question": "Find all c in Z_3 such that Z_3[x]/(x^2 + c) is a field.", "subject": "abstract_algebra",
     "choices": ["0", "1", "2", "3"], "answer": 1}

The prompt is the one that published scores come from, so that they can be compared. The four categories are the
paper's own; lm-evaluation-harness counts anatomy as STEM, the paper among the health subjects of "other".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from evalkit.core import DataOptions, Fewshot, PromptFormat, Row, Sample, Source, Subset, Task
from evalkit.core.spec import unknown
from evalkit.data import bundled, hub, rows
from evalkit.prompting.methods import choose
from evalkit.scoring.scorers import accuracy

META = {
    "name": "mmlu",
    "summary": "57 subjects of four-way multiple choice, from elementary mathematics to professional law",
    "tags": ["knowledge", "multiple-choice", "english"],
    "variants": {
        "STEM": [
            "abstract_algebra",
            "astronomy",
            "college_biology",
            "college_chemistry",
            "college_computer_science",
            "college_mathematics",
            "college_physics",
            "computer_security",
            "conceptual_physics",
            "electrical_engineering",
            "elementary_mathematics",
            "high_school_biology",
            "high_school_chemistry",
            "high_school_computer_science",
            "high_school_mathematics",
            "high_school_physics",
            "high_school_statistics",
            "machine_learning",
        ],
        "humanities": [
            "formal_logic",
            "high_school_european_history",
            "high_school_us_history",
            "high_school_world_history",
            "international_law",
            "jurisprudence",
            "logical_fallacies",
            "moral_disputes",
            "moral_scenarios",
            "philosophy",
            "prehistory",
            "professional_law",
            "world_religions",
        ],
        "social sciences": [
            "econometrics",
            "high_school_geography",
            "high_school_government_and_politics",
            "high_school_macroeconomics",
            "high_school_microeconomics",
            "high_school_psychology",
            "human_sexuality",
            "professional_psychology",
            "public_relations",
            "security_studies",
            "sociology",
            "us_foreign_policy",
        ],
        "other": [
            "anatomy",
            "business_ethics",
            "clinical_knowledge",
            "college_medicine",
            "global_facts",
            "human_aging",
            "management",
            "marketing",
            "medical_genetics",
            "miscellaneous",
            "nutrition",
            "professional_accounting",
            "professional_medicine",
            "virology",
        ],
    },
    "toys": {"toy_mmlu": {"data": "toy"}},
}

CATEGORIES = cast("dict[str, list[str]]", META["variants"])
LETTERS = ("A", "B", "C", "D")


def task(
    *,
    subject: str = "",
    form: Literal["letter", "text"] | None = None,
    data: Literal["hub", "toy"] = "hub",
) -> Task:
    """MMLU over all subjects, or over the one subject or category that `subject` names.

    `form` says what the model chooses between: the letters of choices that the prompt lists (the default, as
    published), or the choices' own texts (the default of the toy set, which is made for small models). Few-shot
    examples are the first of the subject's dev split.
    """
    form = form or ("text" if data == "toy" else "letter")
    return Task(
        name="mmlu",
        data=_toy_subsets(subject) if data == "toy" else _hub_subsets(subject),
        sample=_letter_sample if form == "letter" else _text_sample,
        prompt=PromptFormat(description=_description),
        method=choose(),
        scorers=(accuracy(),),
        fewshot=Fewshot(order="first"),
        primary_metric="acc",
    )


def _letter_sample(row: Row) -> Sample:
    choices = row.values["choices"]
    listed = (f"{letter}. {choice}" for letter, choice in zip(LETTERS, choices, strict=True))
    return _sample(row, "\n".join([row.values["question"].strip(), *listed, "Answer:"]), LETTERS)


def _text_sample(row: Row) -> Sample:
    return _sample(row, f"{row.values['question'].strip()}\nAnswer:", tuple(row.values["choices"]))


def _sample(row: Row, question: str, choices: tuple[str, ...]) -> Sample:
    right = int(row.values["answer"])
    return Sample(
        id=row.id,
        input=question,
        targets=(choices[right],),
        choices=choices,
        gold=(right,),
        data={"subject": row.values["subject"]},
    )


def _description(sample: Sample) -> str:
    subject = sample.data["subject"].replace("_", " ")
    return f"The following are multiple choice questions (with answers) about {subject}.\n\n"


# ---------------------------------------------------------------- data


def _hub_subsets(wanted: str) -> tuple[Subset, ...]:
    every = {subject: category for category, subjects in CATEGORIES.items() for subject in subjects}
    chosen = CATEGORIES.get(wanted) or [subject for subject in sorted(every) if wanted in ("", subject)]
    if not chosen:
        raise unknown("subject or category of MMLU", wanted, [*every, *CATEGORIES])
    return tuple(
        Subset(
            rows=hub("cais/mmlu", config=subject, split="test"),
            examples=hub("cais/mmlu", config=subject, split="dev"),
            groups=(every[subject], subject),
        )
        for subject in chosen
    )


def _toy_subsets(wanted: str) -> tuple[Subset, ...]:
    """The toy set has its own subjects; its rows are few, so they are parted here."""
    asked, shown = _by_subject("multiple_choice"), _by_subject("multiple_choice_dev")
    chosen = [subject for subject in asked if wanted in ("", subject)]
    if not chosen:
        raise unknown("subject of toy_mmlu", wanted, asked)
    return tuple(Subset(asked[subject], shown.get(subject), groups=(subject,)) for subject in chosen)


def _by_subject(name: str) -> dict[str, Source]:
    parted: dict[str, list[Mapping[str, Any]]] = {}
    for row in bundled(name).open(DataOptions()).rows():
        if isinstance(row, Row):
            parted.setdefault(row.values["subject"], []).append(row.values)
    return {subject: rows(values, name=f"{name}/{subject}") for subject, values in parted.items()}
