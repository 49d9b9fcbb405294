"""Chain of thought: the model reasons first, then answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from evalkit.core import AskModel, Attempt, Choose, Generate, Message, Method, Model, Prompt, Reply, Sample, UsageError
from evalkit.prompting.methods.choosing import CHOICE_FAR_BELOW
from evalkit.prompting.methods.stops import checked_stops


@dataclass(frozen=True, slots=True)
class _ChainOfThought(AskModel):
    then: Literal["generate", "choose", "nothing"]
    cue: str
    answer_cue: str
    reasoning_tokens: int
    reasoning_stop: tuple[str, ...]
    max_tokens: int
    stop: tuple[str, ...]
    text_of: Callable[[Sample], str] | None

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        sample = attempt.sample
        if self.then == "choose" and not sample.choices:
            raise UsageError(f"sample {sample.id!r} has no choices", fix="give the task `choices`")
        as_chat = bool(attempt.prompt.messages) or model.capabilities.chats
        first = _cued(attempt.prompt, self.cue, as_chat)
        asked = Generate(first, max_tokens=self.reasoning_tokens, stop=self.reasoning_stop, repeat=attempt.repeat)
        thought = replace(await model.answer(asked), sent=first.as_messages() if self.cue else ())
        if self.then == "nothing":
            return (thought,)
        second = _answering(first, thought.texts[0], self.answer_cue, as_chat)
        if self.then == "choose":
            answer = await model.answer(Choose(second, sample.choices))
        else:
            request = Generate(second, max_tokens=self.max_tokens, stop=self.stop, repeat=attempt.repeat)
            answer = await model.answer(request)
        return thought, replace(answer, sent=(Message("user", self.answer_cue),))

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        sample = attempt.sample
        text = self.text_of(sample) if self.text_of else (sample.targets[0] if sample.targets else "")
        said = Reply(texts=(text,), finish=("stop",))
        if self.then == "nothing":
            return (said,)
        thought = Reply(texts=("",), finish=("stop",))
        return thought, (said if self.then == "generate" else _weighed(sample))


def chain_of_thought(
    *,
    then: Literal["generate", "choose", "nothing"] = "generate",
    cue: str = "Let's think step by step.",
    answer_cue: str = "Therefore, the answer is",
    reasoning_tokens: int = 512,
    reasoning_stop: tuple[str, ...] = (),
    max_tokens: int = 64,
    stop: tuple[str, ...] = ("\n",),
    gold: Callable[[Sample], str] | None = None,
) -> Method:
    """Let the model reason after the `cue`, then ask for the answer after its reasoning and the `answer_cue`.

    `then` says what comes after the reasoning: an answer of at most `max_tokens` tokens, a weighing of the sample's
    choices, or nothing, if scorers look for the answer in the reasoning itself. The replies are the reasoning and the
    answer. For a model that is asked through a chat template, the reasoning is a separate turn.

    Source: Kojima et al. 2022, https://arxiv.org/abs/2205.11916 (two stages, greedy). Raises UsageError for limits
    below 1.
    """
    if max_tokens < 1 or reasoning_tokens < 1:
        found = f"max_tokens={max_tokens}, reasoning_tokens={reasoning_tokens}"
        raise UsageError("max_tokens and reasoning_tokens must be at least 1", found=found)

    reasoning_stop, stop = checked_stops(reasoning_stop, "reasoning_stop"), checked_stops(stop)
    way = _ChainOfThought(then, cue, answer_cue, reasoning_tokens, tuple(reasoning_stop), max_tokens, tuple(stop), gold)
    settings = {"sampling": "greedy", "then": then, "cue": repr(cue), "reasoning_tokens": str(reasoning_tokens)}
    settings["reasoning_stop"] = repr(tuple(reasoning_stop))
    if then != "nothing":
        settings["answer_cue"] = repr(answer_cue)
    if then == "generate":
        settings |= {"max_tokens": str(max_tokens), "stop": repr(tuple(stop))}
    needs = frozenset({Generate, Choose}) if then == "choose" else frozenset({Generate})
    return Method("chain_of_thought", way, way.gold, needs, settings)


def _cued(prompt: Prompt, cue: str, as_chat: bool) -> Prompt:
    if not cue:
        return prompt
    if not as_chat:
        return replace(prompt, question=f"{prompt.question} {cue}")
    return prompt.with_last_turn(lambda text: f"{text}\n\n{cue}")


def _answering(first: Prompt, thought: str, cue: str, as_chat: bool) -> Prompt:
    if not as_chat:
        return replace(first, question=f"{first.question} {thought.strip()}\n{cue}")
    # A turn that was begun for the model is one with what it went on to write.
    asked = first.messages[:-1] if first.begun else first.as_messages()
    return Prompt(messages=(*asked, Message("assistant", first.begun + thought), Message("user", cue)))


def _weighed(sample: Sample) -> Reply:
    """What a perfect model makes of the choices."""
    values = tuple(0.0 if number in sample.gold else CHOICE_FAR_BELOW for number in range(len(sample.choices)))
    return Reply(loglikelihoods=values, greedy=tuple(value == 0.0 for value in values))
