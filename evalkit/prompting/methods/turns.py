"""A conversation of several turns, each asked with the model's own replies before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from evalkit.core import AskModel, Attempt, Generate, Message, Method, Model, Prompt, Reply, Sample, UsageError
from evalkit.prompting.methods.stops import checked_stops


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
        begun = _begun(attempt)
        for turn in _turns(attempt, self.column, self.follow_ups):
            said.append(turn)
            if turn is not begun and not _is_asked(turn, attempt.prompt.messages):
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
            if turn is begun:
                said.pop()  # what was begun for the model and what it added are one turn
            said.append(Message("assistant", (turn.content if turn is begun else "") + reply.texts[0]))
        return tuple(replies)

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        target = attempt.sample.targets[0] if attempt.sample.targets else ""
        begun, turns = _begun(attempt), _turns(attempt, self.column, self.follow_ups)
        asked = [turn for turn in turns if turn is begun or _is_asked(turn, attempt.prompt.messages)]
        texts = [""] * (len(asked) - 1) + [target]
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

    stop = checked_stops(stop)
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


def _begun(attempt: Attempt) -> Message | None:
    """The turn that the task begins for the model (`gen_prefix`); a sample's own last answer is none."""
    given = attempt.sample.input
    if not attempt.prompt.begun or (not isinstance(given, str) and given and given[-1].role == "assistant"):
        return None
    return attempt.prompt.messages[-1]


def _is_asked(turn: Message, given: tuple[Message, ...]) -> bool:
    """Whether the model answers a turn: it is the user's, and the prompt holds neither its answer nor the beginning of
    one (compared by identity: texts may be there twice)."""
    following = next((after for one, after in pairwise(given) if one is turn), None)
    return turn.role == "user" and (following is None or following.role != "assistant")


def _text(said: list[Message]) -> str:
    return "\n\n".join(message.content for message in said)
