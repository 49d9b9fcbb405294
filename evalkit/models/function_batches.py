"""Calls of a function that takes a list: what is asked at the same time is handed over together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from evalkit.core import ModelError

__all__ = ["FunctionBatches"]

_QUIET_TURNS = 2
"""How many turns of the event loop pass, so that all who are about to ask have asked."""

Options = Mapping[str, Any]
Call = Callable[[list[object], Options], Awaitable[object]]


class FunctionBatches:
    """`ask` waits for the text of one prompt; `call` gets up to `size` prompts that have equal options."""

    def __init__(self, call: Call, size: int) -> None:
        self._call, self._size = call, size
        self._waiting: list[tuple[object, Options, asyncio.Future[str]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def ask(self, given: object, options: Options) -> str:
        """The function's text for one prompt; raises ModelError where it raised, or gave something else."""
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.append((given, options, answer))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        while self._waiting:
            for _ in range(_QUIET_TURNS):
                await asyncio.sleep(0)
            options = self._waiting[0][1]
            alike = [one for one in self._waiting if one[1] == options and not one[2].done()][: self._size]
            self._waiting = [one for one in self._waiting if one not in alike and not one[2].done()]
            if alike:
                await self._answer([given for given, _, _ in alike], options, [answer for _, _, answer in alike])

    async def _answer(self, given: list[object], options: Options, answers: Sequence[asyncio.Future[str]]) -> None:
        try:
            texts = _texts(await self._call(given, options), len(given))
        except Exception as error:  # noqa: BLE001 - a function of the user's may raise anything
            failure = error if isinstance(error, ModelError) else ModelError(f"{type(error).__name__}: {error}")
            for answer in answers:
                if not answer.done():
                    answer.set_exception(failure)
            return
        for answer, text in zip(answers, texts, strict=True):
            if not answer.done():
                answer.set_result(text)


def _texts(made: object, count: int) -> list[str]:
    if isinstance(made, str) or not isinstance(made, Sequence) or len(made) != count:
        size = f" of {len(made)}" if isinstance(made, Sequence) and not isinstance(made, str) else ""
        raise ModelError(f"the function was given {count} prompts and returned {type(made).__name__}{size}, not a list")
    for text in made:
        if not isinstance(text, str):
            raise ModelError(f"the function returned {type(text).__name__}, not text, in its list: {text!r:.200}")
    return list(made)
