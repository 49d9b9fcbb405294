"""MuSR: murder mysteries, object placements and team allocations in stories of a thousand words, by likelihood.

Paper: https://arxiv.org/abs/2310.16049 (Sprague et al., 2023). Data: TAUR-Lab/MuSR, CC-BY-4.0. Columns of a row;
`choices` is a list that was written as text:

    {"narrative": "In an adrenaline inducing bungee jumping site, …", "question": "Who is the most likely murderer?",
     "choices": "['Mackenzie', 'Ana']", "answer_index": 0, "answer_choice": "Mackenzie"}

Prompt, choices and metric are lm-evaluation-harness's `leaderboard_musr`, with which the Open LLM Leaderboard 2 was
made. The suite `musr_normalised` has its mean above guessing.
"""

from __future__ import annotations

import ast
from typing import Literal

from evalkit.core import PromptFormat, Row, Sample, Subset, Task, UsageError
from evalkit.data import hub
from evalkit.prompting.methods import choose
from evalkit.scoring.scorers import accuracy

META = {
    "name": "musr",
    "summary": "multistep reasoning over stories: murder mysteries, object placements, team allocations",
    "tags": ["reasoning", "long-context", "multiple-choice", "english", "unverified"],
    "variants": ["domain=murder_mysteries", "domain=object_placements", "domain=team_allocation"],
}

Domain = Literal["all", "murder_mysteries", "object_placements", "team_allocation"]


def task(*, domain: Domain = "all") -> Task:
    """The stories of all three domains, or of one: 250, 256 and 250."""
    every = ("murder_mysteries", "object_placements", "team_allocation")
    return Task(
        name="musr",
        data=tuple(
            Subset(hub("TAUR-Lab/MuSR", split=name), groups=(name,)) for name in every if domain in ("all", name)
        ),
        sample=_sample,
        prompt=PromptFormat(),
        method=choose(),
        scorers=(accuracy(),),
        primary_metric="acc_norm",
    )


def _sample(row: Row) -> Sample:
    values = row.values
    choices = tuple(str(choice) for choice in _listed(values["choices"], row))
    listed = "".join(f"{number} - {choice}\n" for number, choice in enumerate(choices, 1))
    gold = int(values["answer_index"])
    return Sample(
        row.id,
        f"{values['narrative']}\n\n{values['question']}\n\n{listed}\nAnswer:",
        targets=(choices[gold],),
        choices=choices,
        gold=(gold,),
    )


def _listed(written: object, row: Row) -> list[object]:
    """The choices: a list, or a list that was written as text, which is read and never run."""
    try:
        found = ast.literal_eval(written) if isinstance(written, str) else written
    except (ValueError, SyntaxError):
        found = None
    if not isinstance(found, list | tuple) or not found:
        raise UsageError("the choices of a row of MuSR are no list", found=repr(written)[:80], at=row.origin)
    return list(found)
