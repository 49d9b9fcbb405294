"""A conversation of several turns, each asked with the model's own replies before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from evalkit.core import AskModel, Attempt, Generate, Message, Method, Model, Prompt, Reply, Sample, UsageError


@dataclass(frozen=True, slots=True)
class _MultiTurn(AskModel):
    follow_ups: tuple[str, ...]
    column: str
    form: Literal["chat", "text"]
    max_tokens: int
    stop: tuple[str, ...]
    temperature: float
    top_p: float

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        said: list[Message] = []
        replies: list[Reply] = []
        for turn in _turns(attempt, self.column, self.follow_ups):
            said.append(turn)
            if turn.role != "user" or _is_answered(turn, attempt.prompt.messages):
                continue
            prompt = Prompt(messages=tuple(said)) if self.form == "chat" else Prompt(_text(said))
            request = Generate(
                prompt,
                max_tokens=self.max_tokens,
                stop=self.stop,
                temperature=self.temperature,
                top_p=self.top_p,
                seed=attempt.seed if self.temperature > 0 else 0,
                repeat=attempt.repeat,
            )
            reply = await model.answer(request)
            replies.append(replace(reply, sent=(turn,)) if replies else reply)
            said.append(Message("assistant", replies[-1].texts[0]))
        return tuple(replies)

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        target = attempt.sample.targets[0] if attempt.sample.targets else ""
        asked = [turn for turn in _turns(attempt, self.column, self.follow_ups) if turn.role == "user"]
        unanswered = [turn for turn in asked if not _is_answered(turn, attempt.prompt.messages)]
        texts = [""] * (len(unanswered) - 1) + [target]
        return tuple(Reply(texts=(text,), finish=("stop",)) for text in texts)


def multi_turn(
    *,
    follow_ups: tuple[str, ...] = (),
    column: str = "",
    form: Literal["chat", "text"] = "chat",
    max_tokens: int = 512,
    stop: tuple[str, ...] = (),
    temperature: float = 0.0,
    top_p: float = 1.0,
) -> Method:
    """Ask the prompt, then every follow-up in turn; the replies are the model's, one a turn, the last one scored.

    The turns are those of a conversation (each of the sample's user messages that no assistant message follows), or
    the prompt; then the texts of the row's `column`, then the `follow_ups`. `form="chat"` needs a model with a chat
    template; "text" writes the conversation as one text, its parts set apart by blank lines, for base models.

    Raises UsageError where a sample has not the column.
    """

    way = _MultiTurn(tuple(follow_ups), column, form, max_tokens, tuple(stop), temperature, top_p)
    settings = {
        "sampling": "greedy" if temperature == 0.0 else f"t={temperature:g},top_p={top_p:g}",
        "max_tokens": str(max_tokens),
        "stop": repr(tuple(stop)),
        "form": form,
    }
    if follow_ups:
        settings["follow_ups"] = repr(tuple(follow_ups))
    if column:
        settings["column"] = column
    return Method("multi_turn", way, way.gold, frozenset({Generate}), settings)


def _turns(attempt: Attempt, column: str, follow_ups: tuple[str, ...]) -> list[Message]:
    first = list(attempt.prompt.as_messages())
    more = [*(_of_column(attempt.sample, column) if column else ()), *follow_ups]
    return first + [Message("user", text) for text in more]


def _of_column(sample: Sample, column: str) -> list[str]:
    value = sample.data.get(column)
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        found = f"{column}: {value!r:.60}" if column in sample.data else "the columns " + ", ".join(sample.data)
        raise UsageError(f"the turns of sample {sample.id!r} are not a list of texts", found=found, fix="column: …")
    return list(value)


def _is_answered(turn: Message, given: tuple[Message, ...]) -> bool:
    """Whether the sample itself holds the answer to a turn (compared by identity: texts may be there twice)."""
    for one, following in pairwise(given):
        if one is turn:
            return following.role == "assistant"
    return False


def _text(said: list[Message]) -> str:
    return "\n\n".join(message.content for message in said)
