"""Choices weighed by their likelihood."""

from __future__ import annotations

from dataclasses import dataclass

from evalkit.core import AskModel, Attempt, Capabilities, Choose, Method, Model, Prompt, Reply, Task, UsageError

CHOICE_FAR_BELOW = -1e9


@dataclass(frozen=True, slots=True)
class _Choose(AskModel):
    delimiter: str
    unconditional: bool

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        sample = attempt.sample
        if not sample.choices:
            raise UsageError(f"sample {sample.id!r} has no choices", fix="give the task `choices`")
        reply = await model.answer(Choose(attempt.prompt, sample.choices, self.delimiter))
        if not self.unconditional:
            return (reply,)
        return reply, await model.answer(Choose(Prompt(), sample.choices, self.delimiter))

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        right = set(attempt.sample.gold)
        values = tuple(0.0 if i in right else CHOICE_FAR_BELOW for i in range(len(attempt.sample.choices)))
        reply = Reply(loglikelihoods=values, greedy=tuple(i in right for i in range(len(values))))
        blank = Reply(loglikelihoods=(0.0,) * len(values), greedy=(False,) * len(values))
        return (reply, blank) if self.unconditional else (reply,)


def choose(*, delimiter: str = " ", unconditional: bool = False) -> Method:
    """Score every choice as a continuation of the prompt.

    One request carries the context once and all its choices. `unconditional` asks a second time with an empty context,
    for accuracy by mutual information. `delimiter` comes before each choice (not after a chat template).

    A model that gives no log-likelihoods is asked by `written_choice` instead, where the scorers can read its replies.
    """

    way = _Choose(delimiter, unconditional)
    settings = {"unconditional": "yes"} if unconditional else {}
    if delimiter != " ":
        settings["delimiter"] = delimiter
    return Method("choose", way, way.gold, frozenset({Choose}), settings, adapt=_adapted)


def _adapted(task: Task, capabilities: Capabilities) -> Task:
    from evalkit.prompting.methods.written import adapted  # it is loaded where it is needed

    return adapted(task, capabilities)
