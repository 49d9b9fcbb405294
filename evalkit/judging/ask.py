"""One question to a judge's model: its reply is read, mended once where it cannot be, and else left unread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from evalkit.core import Generate, Message, Model, ModelError, Prompt, Reply, Request, UsageError
from evalkit.judging.advice import EMPTY, FAILED, SPENT, UNFINISHED, why_silent
from evalkit.judging.reply_forms import Form, object_words, schema_of, taken_form
from evalkit.judging.transcripts import JudgeCall, in_words
from evalkit.models.wrapper import Wrapper
from evalkit.scoring.extraction.reading import Reading

T = TypeVar("T")
U = TypeVar("U")
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
    note: str = ""
    """What a reader of the verdict must know of how it was had."""
    calls: tuple[JudgeCall, ...] = ()

    def about(self, value: U | None) -> JudgeReply[U]:
        """The same reply with what was made of its value."""
        return JudgeReply(value, self.problem, self.replies, self.mended, self.note, self.calls)

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

    `schema` is what the reply holds, where the model takes a schema or JSON mode (`judging.reply_forms`); `form` says
    in words how it ends for one that takes neither. What could not be read in the end is forgotten by whoever keeps
    replies, so that asking again asks again.
    """
    if Generate not in model.capabilities.requests:
        raise UsageError(f"{model.identity.name} cannot be a judge: it writes no text", fix="--judge MODEL")
    question = _Question(model, text.rstrip(), form, schema, sampling)
    first = await question.put(read)
    if first.found.value is not None or first.reply is None or SPENT in first.found.problem:
        return first.result()
    said = first.reply.texts[0] if first.reply.texts else ""
    again = await question.put(read, (Message("assistant", said), first.found.problem))
    return first.result(again)


@dataclass(frozen=True, slots=True)
class _Attempt(Generic[T]):
    """One request and what was read of its reply; `reply` is None where the model failed."""

    model: Model
    request: Generate
    call: JudgeCall
    found: Reading[T]
    reply: Reply | None = None

    def result(self, again: _Attempt[T] | None = None) -> JudgeReply[T]:
        """What was found, by the second attempt where there is one."""
        last = again or self
        tries = [self] if again is None else [self, again]
        if last.found.value is None:
            for each in tries:
                forget(each.model, each.request)
        calls = [self.call] if again is None else [self.call, replace(again.call, repaired=True)]
        replies = tuple(each.reply for each in tries if each.reply is not None)
        return JudgeReply(last.found.value, last.found.problem, replies, again is not None, calls=tuple(calls))


@dataclass(frozen=True, slots=True)
class _Question:
    """A text with both ways to say how the reply is to look."""

    model: Model
    text: str
    form: str
    schema: Mapping[str, Any]
    sampling: Sampling

    async def put(self, read: Read[T], unread: tuple[Message, str] | None = None) -> _Attempt[T]:
        """The question, or the question after a reply that could not be read, with the reason."""
        sent: list[tuple[Generate, tuple[Message, ...]]] = []

        async def send(form: Form) -> Reply:
            messages = self._messages(form, unread)
            sent.append((self._request(form, messages), messages))
            return await self.model.answer(sent[-1][0])

        try:
            if "schema" in self.model.capabilities.features:
                _, reply = await taken_form(self.model, self.schema).put(send)
            else:
                reply = await send("words")
        except ModelError as error:
            problem = f"{FAILED}: {error}"
            call = JudgeCall(sent[0][1], model=self.model.identity.name, problem=problem)
            return _Attempt(self.model, sent[0][0], call, Reading(problem=problem))
        request, messages = sent[-1]
        found = _read(reply, read, request.max_tokens)
        said = reply.texts[0] if reply.texts and reply.texts[0].strip() else ""
        call = JudgeCall(messages, said, in_words(found.value), found.problem, model=self.model.identity.name)
        return _Attempt(self.model, request, call, found, reply)

    def _messages(self, form: Form, unread: tuple[Message, str] | None) -> tuple[Message, ...]:
        ending = self.form if form == "words" else object_words(self.schema)
        first = Message("user", f"{self.text}\n\n{ending}")
        if unread is None:
            return (first,)
        return (first, unread[0], Message("user", f"Your reply could not be read: {unread[1]}. {ending}"))

    def _request(self, form: Form, messages: tuple[Message, ...]) -> Generate:
        sampling = self.sampling
        return Generate(
            _prompt(self.model, messages),
            max_tokens=sampling.max_tokens,
            stop=(),
            temperature=sampling.temperature,
            seed=sampling.seed if sampling.temperature > 0 else 0,
            repeat=sampling.repeat,
            schema=schema_of(form, self.schema),
        )


def forget(model: Model, request: Request) -> None:
    """A reply that says nothing is no answer to keep."""
    if isinstance(model, Wrapper):
        model.forget(request)


def _read(reply: Reply, read: Read[T], limit: int) -> Reading[T]:
    silent = not reply.texts or not reply.texts[0].strip()
    withheld = bool(reply.finish) and reply.finish[0] == "refused"
    if silent or withheld:
        return Reading(problem=why_silent(reply, limit) or EMPTY)
    cut = bool(reply.finish) and reply.finish[0] == "length"
    found = read(reply.texts[0], cut)
    if found.value is None and cut and found.problem == UNFINISHED:
        return Reading(problem=f"its limit of {limit:,} tokens {SPENT}")
    return found


def _prompt(model: Model, messages: tuple[Message, ...]) -> Prompt:
    """Messages for a model with a chat template; one text, its parts set apart by blank lines, for any other."""
    if model.capabilities.chats:
        return Prompt(messages=messages)
    return Prompt("\n\n".join(message.content for message in messages) + "\n\n")
