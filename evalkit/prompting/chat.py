"""Tasks as model cards put them: one message, no examples, no stop strings, the whole reply is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from evalkit.core import Fewshot, Metric, PromptFormat, Row, Sample, Sampling, Scorer, Subset, Task
from evalkit.prompting.methods import choose, generate
from evalkit.scoring.scorers import accuracy, read_answer
from evalkit.scoring.scorers.compared import compared

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# OpenAI's simple-evals, common.py: https://github.com/openai/simple-evals, MIT licence.
_FOUR_OPTIONS = (
    "Answer the following multiple choice question. The last line of your response should be of the following format: "
    "'Answer: $LETTER' (without quotes) where LETTER is one of ABCD. Think step by step before answering."
)


def chat_task(
    name: str,
    data: tuple[Subset, ...],
    sample: Callable[[Row], Sample],
    scorers: tuple[Scorer, ...],
    *,
    max_tokens: int,
    gold: Callable[[Sample], str] | None = None,
    primary: str = "",
    metrics: tuple[Metric, ...] = (),
    recommended: Sampling | None = None,
) -> Task:
    """The task whose samples' input is the message. `max_tokens` bounds thought and answer together, `gold` writes a
    right reply (the first target by default), and `primary` is the metric that the task is known by."""
    return Task(
        name=name,
        data=data,
        sample=sample,
        prompt=PromptFormat(),
        method=generate(max_tokens=max_tokens, stop=(), gold=gold),
        scorers=scorers,
        metrics=metrics,
        primary_metric=primary,
        recommended=recommended or Sampling(),
    )


def in_a_box(sample: Sample) -> str:
    r"""A right reply to a problem of mathematics: its answer in \boxed."""
    return f"\\boxed{{{sample.targets[0]}}}"


def answer_line(sample: Sample) -> str:
    """A right reply to a question with letters: "Answer: C"."""
    return f"Answer: {sample.targets[0]}"


def four_options(question: str, options: Sequence[str]) -> str:
    """A question with four options, byte for byte as simple-evals puts it."""
    listed = "\n".join(f"{letter}) {option}" for letter, option in zip("ABCD", options, strict=True))
    return f"{_FOUR_OPTIONS}\n\n{question}\n\n{listed}"


def lettered(question: str, options: Sequence[str], cue: str = "Answer:") -> str:
    """A question, its options behind "A. ", "B. ", … a line each, and the cue: the form of MMLU."""
    listed = "".join(f"{letter}. {option}\n" for letter, option in zip(LETTERS, options, strict=False))
    return f"{question}\n{listed}{cue}"


def choice_task(
    name: str,
    data: tuple[Subset, ...],
    sample: Callable[[Row], Sample],
    *,
    form: Literal["choose", "chat"],
    max_tokens: int,
    read: tuple[Scorer, ...] = (),
    fewshot: Fewshot | None = None,
) -> Task:
    """A task of four options as base models are asked, by the likelihood of the letter (`form="choose"`, `acc`), or as
    chat models are, by the letter that they write (`letter`, after the scorers in `read`)."""
    if form == "choose":
        return Task(
            name=name,
            data=data,
            sample=sample,
            prompt=PromptFormat(),
            method=choose(),
            scorers=(accuracy(),),
            fewshot=fewshot or Fewshot(),
            primary_metric="acc",
        )
    own = read_answer(first_of=("letter",), name="letter")
    return chat_task(
        name,
        data,
        sample,
        (compared(own, read[0]) if read else own, *read),
        max_tokens=max_tokens,
        gold=answer_line,
        primary="letter",
        recommended=Sampling(temperature=0.6, top_p=0.95, max_tokens=32768),
    )


def of_four(row: Row, text: str, options: Sequence[str], right: int, *, groups: tuple[str, ...] = ()) -> Sample:
    """A sample with four options by letter, of which the one at `right` (from 0) is right.

    Raises ValueError where there is no such option.
    """
    if not 0 <= right < len(options):
        raise ValueError(f"option {right} of {len(options)} is right")
    letters = tuple(LETTERS[: len(options)])
    return Sample(row.id, text, targets=(letters[right],), choices=letters, gold=(right,), groups=groups)
