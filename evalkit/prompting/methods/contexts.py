"""Choices that stand inside the context: what follows them is the same for all, and is weighed after each."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from evalkit.core import AskModel, Attempt, Choose, Method, Model, Prompt, Reply, UsageError
from evalkit.prompting.methods.choosing import CHOICE_FAR_BELOW


@dataclass(frozen=True, slots=True)
class _ChooseContexts(AskModel):
    delimiter: str

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        sample, prompt = attempt.sample, attempt.prompt
        if not sample.choices or not sample.targets or not isinstance(sample.input, str):
            raise UsageError(
                f"sample {sample.id!r} cannot be asked by its contexts",
                found=f"{len(sample.choices)} choices, {len(sample.targets)} targets",
                fix="a prompt in one text, `choices`, and the continuation as the first target",
            )
        requests = [
            Choose(_followed_by(prompt, choice), sample.targets[:1], self.delimiter) for choice in sample.choices
        ]
        return tuple(await asyncio.gather(*map(model.answer, requests)))

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        right = set(attempt.sample.gold)
        return tuple(
            Reply(loglikelihoods=(0.0 if number in right else CHOICE_FAR_BELOW,), greedy=(number in right,))
            for number in range(len(attempt.sample.choices))
        )


def choose_contexts(*, delimiter: str = " ") -> Method:
    """Append every choice to the prompt in turn, and score the sample's first target as the continuation of each.

    WinoGrande is asked in this way: the prompt is the sentence up to its blank, the choices fill the blank, and the
    target is the rest of the sentence. The method returns one reply for each choice, in order, each with one
    log-likelihood (nats). `delimiter` is between choice and continuation (not after a chat template).
    """

    way = _ChooseContexts(delimiter)
    settings = {} if delimiter == " " else {"delimiter": delimiter}
    return Method("choose_contexts", way, way.gold, frozenset({Choose}), settings)


def _followed_by(prompt: Prompt, choice: str) -> Prompt:
    if prompt.messages:
        return prompt.with_last_turn(lambda text: text + choice)
    return replace(prompt, question=prompt.question + choice)
