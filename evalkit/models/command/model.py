"""Requests as lines for a program, and its lines as replies."""

from __future__ import annotations

import asyncio
import math
import shlex
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from evalkit.core import (
    Capabilities,
    Choose,
    Generate,
    Identity,
    Model,
    ModelError,
    Perplexity,
    Prompt,
    Reply,
    Request,
    Usage,
    UsageError,
    digest_of,
)
from evalkit.models.command.options import CHANGES_ANSWERS, OWN_ANSWERS, CommandOptions
from evalkit.models.command.process import Program
from evalkit.models.option_parsing import variant_name
from evalkit.models.replies.answer import Answer, read_answer, reply_of
from evalkit.models.replies.markers import ANY, chosen

__all__ = ["CommandModel", "cmd"]

_FINISHES = ("stop", "eos", "length", "refused")


def cmd(name: str, options: Mapping[str, str]) -> Model:
    """`cmd/PROGRAM ARGUMENTS`, as a shell would split it; no shell is started.

    Raises UsageError for a program that is not there and a bad option.
    """
    try:
        command = shlex.split(name)
    except ValueError as error:
        raise UsageError("the command cannot be read", found=f"{name!r}: {error}", fix="close its quotes") from None
    if not command:
        raise UsageError("a command is missing", found="cmd/", fix='--model "cmd/python serve.py"')
    if shutil.which(command[0]) is None:
        raise UsageError(f"program {command[0]!r} does not exist", found=f"cmd/{name}", fix="its path, or install it")
    return CommandModel(name, command, CommandOptions.parse(options))


class CommandModel:
    """A program that answers. What it cannot answer fails the sample; where it ends, it is started again."""

    def __init__(self, name: str, command: list[str], options: CommandOptions) -> None:
        self._options = options
        title = variant_name(f"cmd/{name}", options, CommandOptions(), CHANGES_ANSWERS, lambda key, value: str(value))
        said = {key: str(getattr(options, key)) for key in OWN_ANSWERS if getattr(options, key)}
        facts = {"backend": "program", "source": _source(command), **said, **options.thought_facts()}
        self.identity = Identity(title, tuple(facts.items()))
        self.cacheable = bool(options.version)
        kinds = {Generate} | ({Choose} if options.loglikelihood else set())
        self.capabilities = Capabilities(
            requests=frozenset(kinds | ({Perplexity} if options.perplexity else set())),
            chats=options.chat,
            max_length=options.max_length,
            window=options.in_flight,
            features=frozenset({"prefill", "top_k", "min_p", "repetition_penalty", "thinking_tokens"}),
        )
        self._markers = chosen(ANY, options.reasoning, options.reasoning_tags)
        self._program = Program(command, options.timeout)
        self._slots = asyncio.Semaphore(options.in_flight)

    async def answer(self, request: Request) -> Reply:
        """A reply; raises ModelError where the program gave none that can be read."""
        if type(request) not in self.capabilities.requests:
            raise ModelError(f"the program was not said to answer {type(request).__name__} requests")
        began = time.perf_counter()
        if isinstance(request, Generate):
            reply = await self._generate(request)
        elif isinstance(request, Choose):
            reply = await self._choose(request)
        else:
            assert isinstance(request, Perplexity)
            said = await self._ask({"kind": "perplexity", "text": request.text})
            reply = Reply(loglikelihoods=(_number(said, said.get("loglikelihood")),), usage=_usage(said))
        return replace(reply, seconds=time.perf_counter() - began)

    async def close(self) -> None:
        """End the program."""
        await self._program.close()

    async def _generate(self, request: Generate) -> Reply:
        budget = self._options.thinking_tokens if request.thinking_tokens is None else request.thinking_tokens
        asked = {
            "kind": "generate",
            **_shown(request.prompt),
            "max_tokens": request.max_tokens + (budget or 0),
            **({} if budget is None else {"thinking_tokens": budget}),
            "stop": list(request.stop),
            "temperature": request.temperature,
            "top_p": request.top_p,
            **{name: value for name, value in _drawn(request).items() if value is not None},
        }
        answers: list[Answer] = []
        usage = Usage()
        for number in range(request.n):
            said = await self._ask({**asked, "seed": request.seed + 1_000_003 * request.repeat + number})
            answers.append(self._answer(said, request))
            one = _usage(said)
            usage = Usage(usage.prompt_tokens + one.prompt_tokens, usage.completion_tokens + one.completion_tokens)
        return reply_of(answers, usage)

    def _answer(self, said: dict[str, Any], request: Generate) -> Answer:
        text, finish, thought = said.get("text"), said.get("finish", "eos"), said.get("reasoning", "")
        if not isinstance(text, str) or not isinstance(thought, str):
            raise ModelError(f'a reply needs "text" (a string), but was {str(said)[:200]}')
        if finish not in _FINISHES:
            raise ModelError(f'"finish" is one of {", ".join(_FINISHES)}, but was {finish!r:.40}')
        return read_answer(text, request.stop, finish, self._markers, thought=thought)

    async def _choose(self, request: Choose) -> Reply:
        delimiter = "" if self._options.chat or request.prompt.messages else request.delimiter
        endings = [delimiter + ending for ending in request.continuations]
        said = await self._ask({"kind": "loglikelihood", **_shown(request.prompt), "continuations": endings})
        found, greedy = said.get("loglikelihoods"), said.get("greedy", [False] * len(endings))
        if not isinstance(found, list) or len(found) != len(endings) or not isinstance(greedy, list):
            raise ModelError(f'a reply needs "loglikelihoods", {len(endings)} numbers, but was {str(said)[:200]}')
        values = tuple(_number(said, value) for value in found)
        return Reply(loglikelihoods=values, greedy=tuple(bool(one) for one in greedy), usage=_usage(said))

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        async with self._slots:
            said = await self._program.ask(request)
        if "error" in said:
            raise ModelError(str(said["error"])[:500])
        return said


def _drawn(request: Generate) -> dict[str, float | None]:
    """Settings of sampling that are told where they change something."""
    penalty = None if request.repetition_penalty == 1.0 else request.repetition_penalty
    return {"top_k": request.top_k or None, "min_p": request.min_p or None, "repetition_penalty": penalty}


def _shown(prompt: Prompt) -> dict[str, Any]:
    messages = [{"role": message.role, "content": message.content} for message in prompt.as_messages()]
    return {"prompt": prompt.text, "messages": messages}


def _number(said: dict[str, Any], value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value) or value > 1e-6:
        raise ModelError(f"a log-likelihood is a number of at most 0, but was {value!r:.40} in {str(said)[:160]}")
    return float(value)


def _usage(said: dict[str, Any]) -> Usage:
    counts = [said.get(name, 0) for name in ("prompt_tokens", "completion_tokens")]
    if not all(type(count) is int and count >= 0 for count in counts):
        raise ModelError(f"counts of tokens are whole numbers, but were {counts!r:.80}")
    return Usage(*counts)


def _source(command: list[str]) -> str:
    """The digest of the files that the command names, the program itself among them where it is a file here."""
    files = [Path(word) for word in command if Path(word).is_file()]
    return digest_of(*(file.read_bytes().decode("utf-8", "surrogateescape") for file in files)) if files else "unknown"
