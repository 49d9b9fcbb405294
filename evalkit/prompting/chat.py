"""Tasks as model cards put them: one message, no examples, no stop strings, the whole reply is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from evalkit.core import Metric, PromptFormat, Row, Sample, Sampling, Scorer, Subset, Task
from evalkit.prompting.methods import generate

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
