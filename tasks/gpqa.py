"""GPQA: questions of biology, physics and chemistry that experts answer and others, with the web at hand, don't.

Paper: https://arxiv.org/abs/2311.12022 (Rein et al., 2023). Data: Idavidrein/gpqa, CC-BY-4.0; its terms must be
accepted on the hub first, and its authors ask that no question is shown in public. Columns of a row (among others):

    {"Record ID": "rec…", "High-level domain": "Physics", "Subdomain": "Quantum Mechanics", "Question": "…",
     "Correct Answer": "…", "Incorrect Answer 1": "…", "Incorrect Answer 2": "…", "Incorrect Answer 3": "…"}

`diamond` has the 198 questions that both experts got right and most others wrong; `main` has 448, `extended` 546. A
separate column has the correct answer, so evalkit shuffles the options. The draw depends on `seed` and the question
alone, on neither the order of rows nor --limit. lm-evaluation-harness shuffles by streams over all rows.

The form `chat` is OpenAI's simple-evals (https://github.com/openai/simple-evals, MIT licence), which model cards of
reasoning models follow; its options are the columns as they are.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from evalkit.core import PromptFormat, Row, Sample, Sampling, Scorer, Subset, Task, digest_of
from evalkit.data import hub
from evalkit.prompting.chat import answer_line, chat_task, four_options
from evalkit.prompting.methods import choose, generate
from evalkit.scoring.scorers import accuracy, read_answer, regex_match
from evalkit.scoring.scorers.compared import compared

META = {
    "name": "gpqa",
    "summary": "graduate-level questions of biology, physics and chemistry, four options in a seeded order",
    "tags": ["knowledge", "reasoning", "science", "multiple-choice", "english"],
    "variants": ["subset=diamond", "subset=main", "subset=extended", "form=cot", "form=chat"],
}

LETTERS = ("(A)", "(B)", "(C)", "(D)")
_AS_DRAWN = (0, 1, 2, 3)
_WRONG = ("Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")


def task(
    *,
    subset: Literal["diamond", "main", "extended"] = "diamond",
    form: Literal["choose", "cot", "chat"] = "choose",
    seed: int = 0,
    max_tokens: int | None = None,
) -> Task:
    """GPQA by the likelihood of the letter, or, with form=cot or chat, by the letter that is written after reasoning.

    Of a chat's reply `letter` is the headline, and `answer_line` what simple-evals reads: the first "Answer: X".
    Of a reply to form=cot `flexible_extract`, the headline, is lm-evaluation-harness's: the last letter in brackets.
    `letter` is what evalkit's own reader finds (what is stated wins over what is mentioned, "Eliminated: (A)" is no
    answer); the table counts the samples that the two score differently.

    `seed` orders the options of every question; with --shuffle-choices, every sample and repeat has a separate order,
    as simple-evals draws it. `max_tokens` bounds the reasoning: 2,048, or 32,768 in chat.
    """
    if form == "chat":
        return _chat(subset, seed, max_tokens or 32768)
    by_likelihood = form == "choose"
    ending = "Answer:" if by_likelihood else "Let's think step by step: "

    def sample(row: Row, order: Sequence[int] = _AS_DRAWN) -> Sample:
        return _sample(row, seed, ending, order)

    return Task(
        name="gpqa",
        # The hub has a training split only; examples, where any are asked for, are other questions of it.
        data=(Subset(hub("Idavidrein/gpqa", config=f"gpqa_{subset}", split="train")),),
        sample=sample,
        reordered=sample,
        prompt=PromptFormat(),
        method=choose() if by_likelihood else generate(max_tokens=max_tokens or 2048, stop=("</s>",)),
        scorers=(accuracy(),) if by_likelihood else _written(),
        primary_metric="acc" if by_likelihood else "flexible_extract",
    )


def _chat(subset: str, seed: int, max_tokens: int) -> Task:
    line = regex_match(pattern=r"(?i)Answer[ \t]*:[ \t]*\$?([A-D])\$?", name="answer_line", ignore_case=True)
    made = chat_task(
        "gpqa",
        (Subset(hub("Idavidrein/gpqa", config=f"gpqa_{subset}", split="train")),),
        lambda row: _chat_sample(row, seed),
        (compared(read_answer(first_of=("letter",), name="letter"), line), line),
        max_tokens=max_tokens,
        gold=answer_line,
        primary="letter",
        recommended=Sampling(temperature=0.6, top_p=0.95, max_tokens=32768, samples=64),
    )
    return replace(made, reordered=lambda row, order: _chat_sample(row, seed, order))


def _chat_sample(row: Row, seed: int, order: Sequence[int] = _AS_DRAWN) -> Sample:
    values = row.values
    correct = str(values["Correct Answer"])
    options = [*(str(values[column]) for column in _WRONG), correct]
    random.Random(digest_of("gpqa", str(seed), values["Question"])).shuffle(options)
    options = [options[place] for place in order]
    right = tuple(place for place, option in enumerate(options) if option == correct)
    return Sample(
        id=row.id,
        input=four_options(values["Question"], options),
        targets=tuple("ABCD"[place] for place in right),
        choices=tuple("ABCD"),
        gold=right,
        groups=_domain(values),
    )


def _written() -> tuple[Scorer, ...]:
    last = regex_match(pattern=r"\([A-D]\)", pick="last", name="flexible_extract")
    return last, compared(read_answer(first_of=("letter",), name="letter"), last)


def _sample(row: Row, seed: int, ending: str, order: Sequence[int]) -> Sample:
    values = row.values
    correct = _cleaned(values["Correct Answer"])
    options = [*(_cleaned(values[column]) for column in _WRONG), correct]
    random.Random(digest_of("gpqa", str(seed), values["Question"])).shuffle(options)
    options = [options[place] for place in order]
    right = tuple(place for place, option in enumerate(options) if option == correct)
    listed = "".join(f"{letter} {option}\n" for letter, option in zip(LETTERS, options, strict=True))
    return Sample(
        id=row.id,
        input=f"What is the correct answer to this question:{values['Question']}\nChoices:\n{listed}{ending}",
        targets=tuple(LETTERS[place] for place in right),
        choices=LETTERS,
        gold=right,
        groups=_domain(values),
    )


def _domain(values: Mapping[str, Any]) -> tuple[str, ...]:
    domain = values.get("High-level domain")
    return (str(domain),) if domain else ()


def _cleaned(text: str | None) -> str:
    """An option as lm-evaluation-harness 0.4.13 cleans it; one that is missing is a blank."""
    return " " if text is None else text.strip().replace(" [title]", ". ").replace("  ", " ")
