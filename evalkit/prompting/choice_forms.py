"""The forms in which multiple choice is asked, for tasks whose choices can be weighed, and the order of choices."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase

from evalkit.core import (
    AskModel,
    Attempt,
    Capabilities,
    ChoiceForm,
    Choose,
    Method,
    Model,
    Reply,
    Sample,
    Task,
    UsageError,
)
from evalkit.prompting.methods.choosing import CHOICE_FAR_BELOW
from evalkit.prompting.methods.written import are_letters, as_written, is_read, lettered, written_choice

__all__ = ["in_choice_form", "with_choices_shuffled"]

_REASONING = 2048
"""Tokens of a chain of thought, where the run says nothing else."""


@dataclass(frozen=True, slots=True)
class _ChooseLetter(AskModel):
    """Lists the choices and weighs their letters. The replies are in the order of the choices."""

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        choices = attempt.sample.choices
        prompt = lettered(attempt.prompt, choices, "")
        return (await model.answer(Choose(prompt, tuple(ascii_uppercase[: len(choices)]))),)

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        right = attempt.sample.gold
        values = tuple(0.0 if place in right else CHOICE_FAR_BELOW for place in range(len(attempt.sample.choices)))
        return (Reply(loglikelihoods=values, greedy=tuple(value == 0.0 for value in values)),)


def _choose_letter() -> Method:
    way = _ChooseLetter()
    return Method("choose_letter", way, way.gold, frozenset({Choose}))


def in_choice_form(task: Task, form: ChoiceForm | None, capabilities: Capabilities, *, shuffled: bool = False) -> Task:
    """The task asked in that form, or as it says (None), its choices `shuffled` or not.

    likelihood: by the likelihood of what the task offers, texts or letters; likelihood-letters: the choices are listed
    and their letters weighed; letter: the model writes the letter; reasoned: it reasons first and ends with the letter.
    Raises UsageError for a task that is no such multiple choice, and for an order that nobody would see.
    """
    name = f"task {task.name!r}"
    weighs = task.method.name in ("choose", "written_choice") and is_read(task)
    if not weighs and not (form is None and task.reordered is not None):
        raise UsageError(
            f"{name} is not a multiple choice that has other forms",
            found=f"its method is {task.method.name}",
            fix="leave --choice-form and --shuffle-choices out, or an option of the task: evalkit show TASK",
        )
    if form is None and task.method.adapt is not None:
        task = task.method.adapt(task, capabilities)
    elif form == "likelihood":
        task = replace(task, method=replace(task.method, adapt=None))
    elif form == "likelihood-letters":
        task = as_written(task, _choose_letter())
    elif form == "letter":
        task = as_written(task, written_choice())
    elif form == "reasoned":
        task = as_written(task, written_choice(reasoned=True, max_tokens=_REASONING))
    if not shuffled:
        return task
    if task.method.name == "choose" and task.reordered is None:
        raise UsageError(
            f"{name} weighs each choice by itself, so that their order changes nothing",
            found="--shuffle-choices",
            fix="--choice-form letter, reasoned or likelihood-letters",
        )
    return replace(task, method=replace(task.method, settings={**task.method.settings, "choices": "shuffled"}))


def with_choices_shuffled(
    sample: Sample, seed: int, reordered: Callable[[Sequence[int]], Sample] | None = None
) -> Sample:
    """The sample with its choices in an order drawn by the seed. `data["choice_order"]` has, for every place, the
    number that the choice has in the task. `reordered` makes the sample again in an order, for a prompt that lists the
    choices; without it, such a sample raises UsageError.
    """
    order = list(range(len(sample.choices)))
    random.Random(seed).shuffle(order)
    if reordered is not None:
        made = reordered(order)
        data = {**made.data, "choice_order": order}
        return replace(made, id=sample.id, groups=sample.groups, cluster=sample.cluster, data=data)
    if are_letters(sample.choices):
        raise UsageError(
            "the prompt lists the choices by itself, so that they cannot be shuffled",
            found=f"sample {sample.id!r}, choices {', '.join(sample.choices)}",
            fix="leave --shuffle-choices out, or give the task an option that shuffles",
        )
    return replace(
        sample,
        choices=tuple(sample.choices[number] for number in order),
        gold=tuple(sorted(order.index(number) for number in sample.gold)),
        data={**sample.data, "choice_order": order},
    )
