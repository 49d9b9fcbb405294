"""A program that is kept alive and asked by lines of JSON."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
from collections import deque
from collections.abc import Sequence
from typing import Any

from evalkit.core import ModelError

__all__ = ["Program"]

_LONGEST_LINE = 64 << 20
_STARTS = 5
"""A program that ends again and again is not started for ever."""
_ENDS_WITHIN_S = 5.0
_ERROR_LINES = 5

Reply = dict[str, Any]


class Program:
    """`ask` sends a request and waits for its reply; starts the program where it is not running."""

    def __init__(self, command: Sequence[str], timeout: float) -> None:
        self._command, self._timeout = tuple(command), timeout
        self._process: _Process | None = None
        self._starting = asyncio.Lock()
        self._numbers = itertools.count(1)
        self._starts = 0
        self._last_words = ""

    async def ask(self, request: dict[str, Any]) -> Reply:
        """The reply's object. Raises ModelError where the program ends, says something else, or takes too long."""
        process = await self._running()
        try:
            return await asyncio.wait_for(process.ask(next(self._numbers), request), self._timeout)
        except TimeoutError:
            process.end()
            raise ModelError(f"the program did not reply within {self._timeout:g} s (timeout=)") from None

    async def close(self) -> None:
        """Close the program's stdin, and end it where it does not end by itself."""
        process, self._process = self._process, None
        if process is not None:
            await process.close()

    async def _running(self) -> _Process:
        async with self._starting:
            if self._process is not None and self._process.ended:
                await self._process.close()
                self._last_words, self._process = self._process.last_words, None
            if self._process is None:
                self._process = await self._start()
            return self._process

    async def _start(self) -> _Process:
        if self._starts == _STARTS:
            raise ModelError(f"the program ended {_STARTS} times and is not started again{self._last_words}")
        self._starts += 1
        pipe = asyncio.subprocess.PIPE
        try:
            started = await asyncio.create_subprocess_exec(
                *self._command, stdin=pipe, stdout=pipe, stderr=pipe, limit=_LONGEST_LINE, start_new_session=True
            )
        except OSError as error:
            raise ModelError(f"the program cannot be started: {error}") from None
        return _Process(started)


class _Process:
    """One life of the program. `ended`: it takes no more requests, since it is gone or was told to go."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.ended = False
        self._process = process
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._errors: deque[str] = deque(maxlen=_ERROR_LINES)
        self._hears_errors = asyncio.create_task(self._read_errors())
        self._hears = asyncio.create_task(self._read())

    @property
    def last_words(self) -> str:
        """What it wrote to stderr last, to be put behind a sentence."""
        return f": {self._errors[-1]}" if self._errors else ""

    async def ask(self, number: int, request: dict[str, Any]) -> Reply:
        assert self._process.stdin is not None
        if self._hears.done():  # it ended since it was chosen: nobody would answer
            raise ModelError(f"the program ended{self.last_words}")
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        line = json.dumps({"id": number, **request}, ensure_ascii=False)
        try:
            with contextlib.suppress(ConnectionError):  # whoever reads its output learns why it ended
                self._process.stdin.write(line.encode("utf-8", "replace") + b"\n")
                await self._process.stdin.drain()
            return await reply
        finally:
            self._waiting.pop(number, None)

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        """The program and all that it started: it leads a separate session."""
        self.ended = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _ENDS_WITHIN_S)
                break
            self.end(number)
        await asyncio.wait({self._hears, self._hears_errors}, timeout=_ENDS_WITHIN_S)
        for task in (self._hears, self._hears_errors):
            task.cancel()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        wrong = ""
        with contextlib.suppress(ValueError):  # a line longer than any reply
            async for line in self._process.stdout:
                if wrong := self._deliver(line):
                    break
        if wrong:
            self.end()
        self.ended = True
        status = await self._process.wait()
        with contextlib.suppress(TimeoutError):  # a separate child may hold its stderr
            await asyncio.wait_for(asyncio.shield(self._hears_errors), 1.0)
        failure = ModelError(wrong or f"the program ended with status {status}{self.last_words}")
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(failure)

    def _deliver(self, line: bytes) -> str:
        """Hand a reply to whoever waits for it; returns what is wrong with the line, or ""."""
        shown = line.decode("utf-8", "replace").strip()
        if not shown:
            return ""
        try:
            reply = json.loads(line)
        except ValueError:
            return f"the program's stdout holds replies alone, but had {shown[:120]!r}; other words go to its stderr"
        if not isinstance(reply, dict):
            return f"a reply is a JSON object, but was {shown[:120]!r}"
        number = reply.get("id", next(iter(self._waiting)) if len(self._waiting) == 1 else None)
        waiting = self._waiting.get(number) if isinstance(number, int) else None
        if waiting is None:
            return f"a reply to no request, id {number!r}: {shown[:120]!r}"
        if not waiting.done():
            waiting.set_result(reply)
        return ""

    async def _read_errors(self) -> None:
        assert self._process.stderr is not None
        with contextlib.suppress(ValueError):
            async for line in self._process.stderr:
                self._errors.append(line.decode("utf-8", "replace").rstrip()[:300])
