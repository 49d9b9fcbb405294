"""Belebele: 900 questions on short passages, the same ones in 122 languages.

Paper: https://arxiv.org/abs/2308.16884 (Bandarkar et al., 2023). Data: facebook/belebele, CC-BY-SA-4.0 licence. Columns
of a row (among others):

    {"link": "https://en.wikibooks.org/wiki/…", "question_number": 1, "flores_passage": "Make sure your hand is …",
     "question": "Which of the following …", "mc_answer1": "…", "mc_answer2": "…", "mc_answer3": "…", "mc_answer4": "…",
     "correct_answer_num": "1", "dialect": "eng_Latn", "ds": "2023-05-03"}

`choose` is lm-evaluation-harness's prompt, the paper's for examples in context; `chat` is the paper's instruction
without examples (https://github.com/facebookresearch/belebele, sample_zero_shot_instructions.md, commit
918890beb2290a8d3ef2d7a90369925959e1bacf). Questions on one passage are a cluster.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from evalkit.core import Row, Sample, Subset, Task
from evalkit.data import hub
from evalkit.prompting.chat import choice_task, of_four

META = {
    "name": "belebele",
    "summary": "reading comprehension, 900 questions in each of 122 languages; language=deu_Latn",
    "tags": ["reading", "multiple-choice", "multilingual", "unverified"],
}

_INSTRUCTION = (
    "Given the following passage, query, and answer choices, output the letter corresponding to the correct answer."
)


def task(*, language: str = "eng_Latn", form: Literal["choose", "chat"] = "choose", max_tokens: int = 32768) -> Task:
    """The languages that `language` names by FLORES-200 codes, with + between them. `max_tokens` bounds a reply."""
    codes = [code for code in language.split("+") if code]
    return choice_task(
        "belebele",
        tuple(Subset(hub("facebook/belebele", config=code, split="test"), groups=(code,)) for code in codes),
        lambda row: _sample(row, form),
        form=form,
        max_tokens=max_tokens,
    )


def _sample(row: Row, form: str) -> Sample:
    values = row.values
    passage, question = values["flores_passage"], str(values["question"])
    options = [str(values[f"mc_answer{number}"]) for number in range(1, 5)]
    if form == "choose":
        listed = "".join(f"{letter}: {option}\n" for letter, option in zip("ABCD", options, strict=True))
        text = f"P: {passage}\nQ: {question.strip()}\n{listed}Answer:"
    else:
        listed = "".join(f"({letter}) {option}\n" for letter, option in zip("ABCD", options, strict=True))
        text = (
            f"{_INSTRUCTION}\n###\nPassage:\n{passage}\n###\nQuery:\n{question}\n###\nChoices:\n{listed}###\nAnswer:\n"
        )
    found = of_four(row, text, options, int(values["correct_answer_num"]) - 1)
    return replace(found, cluster=str(values.get("link") or ""))
