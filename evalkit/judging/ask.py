"""One question to a judge's model: its reply is read, mended once where it cannot be, and else left unread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from evalkit.core import Generate, Message, Model, ModelError, Prompt, Reply, UsageError, schema_text
from evalkit.judging.transcripts import JudgeCall, in_words
from evalkit.scoring.extraction.reading import Reading

T = TypeVar("T")
Read = Callable[[str, bool], Reading[T]]
"""(a reply, whether it was cut at its token limit) to what it says."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a judge's model is asked. `seed` and `repeat` tell the repeats of one question apart."""

    max_tokens: int = 1024
    temperature: float = 0.0
    seed: int = 0
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class JudgeReply(Generic[T]):
    """What the judge said. `value` is None where nothing could be read, and `problem` says why."""

    value: T | None
    problem: str = ""
    replies: tuple[Reply, ...] = ()
    mended: bool = False
    calls: tuple[JudgeCall, ...] = ()

    @property
    def text(self) -> str:
        return self.replies[-1].texts[0] if self.replies and self.replies[-1].texts else ""


async def ask(
    model: Model,
    text: str,
    read: Read[T],
    *,
    form: str,
    schema: Mapping[str, Any],
    sampling: Sampling = Sampling(),
) -> JudgeReply[T]:
    """Put `text` to the model and read its reply; one that cannot be read is shown to it once, with the reason.

    `form` says in words how the reply ends; a model that holds a reply to a JSON schema gets `schema` instead.
    """
    if Generate not in model.capabilities.requests:
        raise UsageError(f"{model.identity.name} cannot be a judge: it writes no text", fix="--judge MODEL")
    structured = "schema" in model.capabilities.features
    ending = _AS_OBJECT if structured else form
    first = Message("user", f"{text.rstrip()}\n\n{ending}")
    reply, asked = await _reply(model, (first,), read, schema if structured else None, sampling)
    if asked.value is not None or reply is None:
        return asked
    said = reply.texts[0] if reply.texts else ""
    again = Message("user", f"Your reply could not be read: {asked.problem}. {ending}")
    _, second = await _reply(
        model, (first, Message("assistant", said), again), read, schema if structured else None, sampling
    )
    calls = (*asked.calls, *(replace(call, repaired=True) for call in second.calls))
    return JudgeReply(second.value, second.problem, asked.replies + second.replies, mended=True, calls=calls)


_AS_OBJECT = "Reply with one JSON object and nothing else. Its field `reasoning` comes first."


async def _reply(
    model: Model, messages: tuple[Message, ...], read: Read[T], schema: Mapping[str, Any] | None, sampling: Sampling
) -> tuple[Reply | None, JudgeReply[T]]:
    request = Generate(
        _prompt(model, messages),
        max_tokens=sampling.max_tokens,
        stop=(),
        temperature=sampling.temperature,
        seed=sampling.seed if sampling.temperature > 0 else 0,
        repeat=sampling.repeat,
        schema=schema_text(schema) if schema else "",
    )
    call = JudgeCall(messages, model=model.identity.name)
    try:
        reply = await model.answer(request)
    except ModelError as error:
        return None, _unread(call, f"the judge's model failed: {error}")
    if not reply.texts or not reply.texts[0].strip():
        return reply, replace(_unread(call, "the reply is empty"), replies=(reply,))
    cut = bool(reply.finish) and reply.finish[0] == "length"
    found = read(reply.texts[0], cut)
    said = replace(call, reply=reply.texts[0], verdict=in_words(found.value), problem=found.problem)
    return reply, JudgeReply(found.value, found.problem, (reply,), calls=(said,))


def _unread(call: JudgeCall, problem: str) -> JudgeReply[T]:
    return JudgeReply(None, problem, calls=(replace(call, problem=problem),))


def _prompt(model: Model, messages: tuple[Message, ...]) -> Prompt:
    """Messages for a model with a chat template; one text, its parts set apart by blank lines, for any other."""
    if model.capabilities.chats:
        return Prompt(messages=messages)
    return Prompt("\n\n".join(message.content for message in messages) + "\n\n")
