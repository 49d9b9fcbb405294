"""Collects what many coroutines ask in the same moment, so that it is prepared and sorted together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from evalkit.core import ModelError
from evalkit.models.batcher import Batch

__all__ = ["Gatherer"]

Job = TypeVar("Job")
Result = TypeVar("Result")

_QUIET_TURNS = 2
"""How many turns of the event loop pass without a new job before the jobs are handed over."""


class Gatherer(Generic[Job, Result]):
    """Hands over whatever was asked once two turns of the event loop bring nothing new.

    Unlike a `Batcher` it never waits for an earlier batch: what takes the jobs does its own queueing. `take` is called
    in the event loop's thread and must return at once.
    """

    def __init__(self, take: Callable[[Batch[Job, Result]], None]) -> None:
        self._take = take
        self._jobs: list[tuple[Job, asyncio.Future[Result]]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turning = False
        self._quiet = 0
        self._under_way: set[asyncio.Future[Result]] = set()
        self._closed = False

    async def submit(self, job: Job) -> Result:
        """The job's result. Raises ModelError where it failed."""
        if self._closed:
            raise ModelError("the model was closed")
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            # Another asyncio.run: nobody waits for what an earlier one left behind.
            self._loop, self._jobs, self._turning, self._under_way = loop, [], False, set()
        future: asyncio.Future[Result] = loop.create_future()
        self._jobs.append((job, future))
        self._quiet = 0
        if not self._turning:
            self._turning = True
            loop.call_soon(self._turn, loop)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)
        return await future

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop is not self._loop:
            return
        if self._quiet < _QUIET_TURNS:
            self._quiet += 1
            loop.call_soon(self._turn, loop)
            return
        self._turning = False
        jobs = [(job, future) for job, future in self._jobs if not future.done()]
        self._jobs = []
        if jobs:
            self._take(Batch(tuple(job for job, _ in jobs), tuple(future for _, future in jobs), loop))

    def close(self) -> None:
        """Fail everything that still waits."""
        self._closed = True
        for future in list(self._under_way):
            if not future.done() and future.get_loop() is self._loop:
                future.set_exception(ModelError("the model was closed"))
