"""MMLU-Redux 2.0: 100 questions of each of MMLU's 57 subjects, whose errors people marked and in part mended.

Paper: https://arxiv.org/abs/2406.04127 (Gema et al., 2024). Data: edinburgh-dawg/mmlu-redux-2.0, CC-BY-4.0 licence.
Columns of a row:

    {"question": "Find the degree for the given field extension …", "choices": ["0", "4", "2", "6"], "answer": 1,
     "error_type": "ok", "source": null, "correct_answer": null, "potential_reason": null}

Prompt and rows are ZeroEval's (https://github.com/WildEval/ZeroEval, commit 8c1485edf12c6efb5f69135a562927c5ad484059,
Apache-2.0), by which model cards report it: questions without an error, and those whose wrong answer has a right one
among the choices. Questions that are unclear, or have no right answer or several, are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalkit.core import Row, Sample, Sampling, Subset, Task
from evalkit.core.spec import unknown
from evalkit.data import hub, selected
from evalkit.prompting.chat import LETTERS, chat_task
from evalkit.scoring.scorers import read_answer

META = {
    "name": "mmlu_redux",
    "summary": "MMLU with its errors mended or left out; a letter in JSON after reasoning",
    "tags": ["knowledge", "multiple-choice", "chat", "english", "unverified"],
}

_SUBJECTS = """
    abstract_algebra anatomy astronomy business_ethics clinical_knowledge college_biology college_chemistry
    college_computer_science college_mathematics college_medicine college_physics computer_security conceptual_physics
    econometrics electrical_engineering elementary_mathematics formal_logic global_facts high_school_biology
    high_school_chemistry high_school_computer_science high_school_european_history high_school_geography
    high_school_government_and_politics high_school_macroeconomics high_school_mathematics high_school_microeconomics
    high_school_physics high_school_psychology high_school_statistics high_school_us_history high_school_world_history
    human_aging human_sexuality international_law jurisprudence logical_fallacies machine_learning management marketing
    medical_genetics miscellaneous moral_disputes moral_scenarios nutrition philosophy prehistory
    professional_accounting professional_law professional_medicine professional_psychology public_relations
    security_studies sociology us_foreign_policy virology world_religions
"""

_PROMPT = """
## Question: 

{question}

## Choices:

{choices}

## Instruction 

Please answer this question by first reasoning and then selecting the correct choice. 
Present your reasoning and solution in the following json format. 
Please show your choice in the `answer` field with only the choice letter, e.g.,`"answer": "C"`.

```json
{
    "reasoning": "___",
    "answer": "___"
}
```
"""  # noqa: W291 - the publisher's words, byte for byte


def task(*, subject: str = "", max_tokens: int = 32768) -> Task:
    """All subjects, or the one that `subject` names. `max_tokens` bounds thought and answer together."""
    names = _SUBJECTS.split()
    if subject and subject not in names:
        raise unknown("subject of MMLU-Redux", subject, names)
    return chat_task(
        "mmlu_redux",
        tuple(
            Subset(
                selected(
                    hub("edinburgh-dawg/mmlu-redux-2.0", config=name, split="test"), _has_an_answer, "with one answer"
                ),
                groups=(name,),
            )
            for name in names
            if subject in ("", name)
        ),
        _sample,
        (read_answer(first_of=("json answer", "letter"), name="letter"),),
        max_tokens=max_tokens,
        gold=lambda sample: f'```json\n{{"reasoning": "It is so.", "answer": "{sample.targets[0]}"}}\n```',
        primary="letter",
        recommended=Sampling(temperature=0.6, top_p=0.95, max_tokens=32768),
    )


def _has_an_answer(row: Mapping[str, Any]) -> bool:
    return row["error_type"] == "ok" or (row["error_type"] == "wrong_groundtruth" and _mended(row) is not None)


def _mended(row: Mapping[str, Any]) -> int | None:
    """The right choice that people found: they wrote its letter, and in a few rows its number or its text."""
    said, choices = str(row["correct_answer"]).strip(), [str(choice) for choice in row["choices"]]
    if said in choices:
        return choices.index(said)
    place = int(said) if said.isdigit() else LETTERS.find(said) if len(said) == 1 else -1
    return place if 0 <= place < len(choices) else None


def _sample(row: Row) -> Sample:
    values = row.values
    right = int(values["answer"]) if values["error_type"] == "ok" else _mended(values)
    if right is None:
        raise ValueError("the row has no right answer")
    choices = [str(choice) for choice in values["choices"]]
    listed = "".join(f"- ({letter}) {choice}\n" for letter, choice in zip(LETTERS, choices, strict=False))
    return Sample(
        row.id,
        _PROMPT.replace("{question}", str(values["question"])).replace("{choices}", listed),
        targets=(LETTERS[right],),
        choices=tuple(LETTERS[: len(choices)]),
        gold=(right,),
    )
