"""RACE: reading comprehension from English examinations in China, four answers to a question about an article.

Paper: https://arxiv.org/abs/1704.04683 (Lai et al., 2017). Data: EleutherAI/race, whose original is for
non-commercial research; no open licence. One row, whose problems are a Python literal in a text:

    {"article": "The rain had continued for a week and the flood had created a big river …",
     "problems": "[{'question': 'What did Nancy try to do before she fell over?', 'answer': 'C',
                   'options': ['Measure the depth of the river', …]}, …]"}

Of every article the last question is asked, after the others with their answers, as lm-evaluation-harness does.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from evalkit.core import PromptFormat, Row, Sample, Subset, Task
from evalkit.data import hub
from evalkit.prompting.methods import choose
from evalkit.scoring.scorers import accuracy

META = {
    "name": "race",
    "summary": "the last question of an English examination about an article, after the others with answers",
    "tags": ["reading", "question-answering", "multiple-choice", "english"],
}

_BLANK = "  _  ."


def task() -> Task:
    """RACE's test articles of high-school examinations; few-shot examples are other articles of the same split."""
    return Task(
        name="race",
        data=(Subset(hub("EleutherAI/race", config="high", split="test")),),
        sample=_sample,
        prompt=PromptFormat(),
        method=choose(),
        scorers=(accuracy(),),
        primary_metric="acc",
    )


def _sample(row: Row) -> Sample:
    problems: Sequence[Mapping[str, Any]] = ast.literal_eval(row.values["problems"])
    *solved, asked = problems
    shown = "".join(map(_with_answer, solved))
    choices, right = tuple(asked["options"]), _right(asked)
    return Sample(
        id=row.id,
        input=f"Article: {row.values['article']}\n\n{shown}{asked['question']}",
        targets=(choices[right],),
        choices=choices,
        gold=(right,),
    )


def _with_answer(problem: Mapping[str, Any]) -> str:
    question, answer = problem["question"], problem["options"][_right(problem)]
    if question.endswith(_BLANK):
        # The answer completes the sentence; one blank of the two before the mark stays.
        return f"{question[: 1 - len(_BLANK)]}{answer}\n"
    return f"Question: {question}\nAnswer: {answer}\n"


def _right(problem: Mapping[str, Any]) -> int:
    return "ABCD".index(problem["answer"])
