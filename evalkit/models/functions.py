"""A Python function as a model: it takes a prompt or a conversation and returns text."""

from __future__ import annotations

import asyncio
import inspect
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from evalkit.core import (
    Capabilities,
    Generate,
    Identity,
    Message,
    Model,
    ModelError,
    Prompt,
    Reply,
    Request,
    Usage,
    UsageError,
)
from evalkit.models.function_batches import FunctionBatches
from evalkit.models.objects import code_of, source_digest
from evalkit.models.replies.answer import read_answer, reply_of
from evalkit.models.replies.markers import ANY, Markers

__all__ = ["SETTINGS", "WAYS", "FunctionModel", "model_of"]

_DRAWS = ("top_k", "min_p", "repetition_penalty", "thinking_tokens")
WAYS = (
    "a name such as 'tiny' or 'openai/gpt-4o'; a function of a prompt or of messages that returns text; or an object "
    "with identity, capabilities, answer and close (evalkit.Model)"
)
SETTINGS = ("max_tokens", "stop", "temperature", "top_p", "seed", *_DRAWS)
_AT_ONCE = 8
_MESSAGES = ("messages", "conversation", "chat", "history")
_PROMPTS, _CONVERSATIONS = ("prompts", "batch", "texts"), ("conversations", "chats")
_BATCH_SIZE = 32


def model_of(given: object) -> str | Model:
    """The model that was given where a model is wanted: a name, a model, or a function wrapped as one.

    Raises UsageError, with the three ways, for anything else.
    """
    if isinstance(given, str):
        return given
    if inspect.isclass(given):
        raise UsageError(f"{given.__name__} is a class", found=repr(given), fix=f"an object of it, or {WAYS}")
    if isinstance(given, Model):
        return given
    if callable(given):
        return FunctionModel(given)
    raise UsageError("this is no model", found=f"{type(given).__name__}: {given!r:.80}", fix=WAYS)


class FunctionModel:
    """Asks `function(prompt)`, or `function(messages)` where its parameter is called so.

    A prompt is text; messages are a list of {"role", "content"}. The function may be `async`, and may take any of
    max_tokens, stop, temperature, top_p, seed, top_k, min_p, repetition_penalty and thinking_tokens by keyword. It
    returns text; a thought that it holds is split off, and stop strings are cut here. What it raises fails the sample.
    Up to eight calls run at once, those of a plain function in threads. Replies are not cached: nobody can know what a
    function depends on.

    A function of `prompts` or of `conversations` gets a list and returns a list of texts, up to its attribute
    `batch_size` (32) at a time; what it raises then fails the samples of that list.
    """

    cacheable = False

    def __init__(self, function: Callable[..., Any], *, reasoning: Markers = ANY) -> None:
        self._function, self._markers = function, reasoning
        shape = _signature(function)
        self._wants_messages, self._passes = shape.messages, shape.passes
        size = getattr(function, "batch_size", _BATCH_SIZE) if shape.batches else 0
        self._batches = FunctionBatches(self._many, size) if size else None
        name = getattr(function, "__qualname__", type(function).__name__).replace("<locals>.", "")
        self.identity = Identity(
            f"python/{name}", (("backend", "python"), ("source", source_digest(code_of(function)) or "unknown"))
        )
        self.capabilities = Capabilities(
            requests=frozenset({Generate}),
            window=2 * size or _AT_ONCE,
            features=frozenset({"prefill", *(one for one in _DRAWS if one in shape.passes)}),
        )
        self._slots: asyncio.Semaphore | None = None

    async def answer(self, request: Request) -> Reply:
        """A reply of `request.n` texts; raises ModelError for what the function raises or returns instead of text."""
        if not isinstance(request, Generate):
            raise ModelError("a function writes texts and gives no log-likelihoods")
        self._slots = self._slots or asyncio.Semaphore(_AT_ONCE)
        began = time.perf_counter()
        if self._batches:
            texts = await asyncio.gather(*(self._call(request, number) for number in range(request.n)))
        else:
            async with self._slots:
                texts = [await self._call(request, number) for number in range(request.n)]
        answers = [read_answer(text, request.stop, "eos", self._markers) for text in texts]
        return _timed(reply_of(answers, Usage()), time.perf_counter() - began)

    async def close(self) -> None:
        """Nothing is open."""

    async def _call(self, request: Generate, number: int) -> str:
        options = {name: getattr(request, name) for name in self._passes}
        if "seed" in options:
            options["seed"] = request.seed + 1_000_003 * request.repeat + number
        given = _messages(request.prompt) if self._wants_messages else _text(request.prompt)
        if self._batches:
            return await self._batches.ask(given, options)
        try:
            made = await _run(self._function, given, options)
        except Exception as error:
            raise ModelError(f"{type(error).__name__}: {error}") from error
        if not isinstance(made, str):
            raise ModelError(f"the function returned {type(made).__name__}, not text: {made!r:.200}")
        return made

    async def _many(self, given: list[object], options: Mapping[str, Any]) -> object:
        return await _run(self._function, given, dict(options))


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a function is called: with `messages` or text, a list of them (`batches`), and which settings."""

    messages: bool
    batches: bool
    passes: tuple[str, ...]


async def _run(function: Callable[..., Any], given: object, options: dict[str, Any]) -> object:
    # An object may have an async __call__.
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__):
        made: Awaitable[object] = function(given, **options)
        return await made
    result = await asyncio.to_thread(function, given, **options)
    return await result if inspect.isawaitable(result) else result


def _signature(function: Callable[..., Any]) -> _Shape:
    """How the function is called. Raises UsageError where it needs other arguments."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a function of C says nothing of its parameters
        return _Shape(False, False, ())
    by_place = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    takes_any = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    needed = [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    first = by_place[0].name if by_place else ""
    missing = [name for name in needed if name != first and name not in SETTINGS]
    if (not by_place and not takes_any) or missing:
        raise UsageError(
            "a function that is a model takes one prompt",
            found=f"{getattr(function, '__qualname__', function)}{inspect.signature(function)}",
            fix=f"def model(prompt) -> str, model(messages) or model(prompts); by keyword: {', '.join(SETTINGS)}",
        )
    passes = tuple(p.name for p in parameters if p.name in SETTINGS and p.name != first)
    kind = str(by_place[0].annotation).lower().replace("typing.", "") if by_place else ""
    many_texts = first in _PROMPTS or re.search(r"(list|sequence)\[str\]", kind) is not None
    many_chats = first in _CONVERSATIONS or re.search(r"(list|sequence)\[(list|sequence)\[", kind) is not None
    messages = many_chats or (not many_texts and (first in _MESSAGES or "list" in kind))
    return _Shape(messages, many_texts or many_chats, passes)


def _messages(prompt: Prompt) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in prompt.as_messages()]


def _text(prompt: Prompt) -> str:
    """A prompt as text. A conversation of several turns is written down with its roles."""
    if not prompt.messages:
        return prompt.text
    system = [message.content for message in prompt.messages if message.role == "system"]
    turns = [message for message in prompt.messages if message.role != "system"]
    said = [turns[0].content] if len(turns) == 1 else [_turn(message) for message in turns]
    return "\n\n".join([*system, *said])


def _turn(message: Message) -> str:
    return f"{message.role.capitalize()}: {message.content}"


def _timed(reply: Reply, seconds: float) -> Reply:
    return replace(reply, seconds=seconds)
