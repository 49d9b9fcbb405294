"""Many coroutines ask for one thing each; a worker thread answers whatever waits, all of it at once.

Knows nothing of models: a job goes in, a result or an exception comes out. The compute function gets a `Batch`
and delivers every result as soon as it has it, so that callers go on (and ask for more) while the rest is computed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from evalkit.core import ModelError

__all__ = ["Batch", "Batcher"]

Job = TypeVar("Job")
Result = TypeVar("Result")

_QUIET_TURNS = 2
"""How many turns of the event loop pass without a new job before a part-full batch is computed."""


class Batch(Generic[Job, Result]):
    """The jobs of one call of the compute function. Its methods may be called from any thread.

    `prepared` holds for every job what was made of it while it waited, None where that was nothing.
    """

    def __init__(
        self,
        jobs: tuple[Job, ...],
        futures: tuple[asyncio.Future[Result], ...],
        loop: asyncio.AbstractEventLoop,
        prepared: tuple[object, ...] = (),
    ) -> None:
        self.jobs = jobs
        self.prepared = prepared or (None,) * len(jobs)
        self._futures = futures
        self._loop = loop
        self._stopped = False

    def deliver(self, index: int, result: Result | Exception) -> None:
        """Hand over the result of `jobs[index]`, or the exception that is raised where it is awaited."""
        # A loop that has been closed (Ctrl-C) has nobody left to tell.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(_settle, self._futures[index], result)

    def wanted(self, index: int) -> bool:
        """Whether anybody still waits for `jobs[index]`; False after it was cancelled or the batcher closed."""
        return not (self._stopped or self._loop.is_closed() or self._futures[index].cancelled())

    def stop(self) -> None:
        """Let the compute function know that nothing of this is wanted any more."""
        self._stopped = True

    def fail_rest(self, error: Exception) -> None:
        """Fail every job that has no result yet. For the event loop's thread."""
        for future in self._futures:
            _settle(future, error)


def _settle(future: asyncio.Future[Result], result: Result | Exception) -> None:
    if future.done():
        return
    if isinstance(result, ModelError):
        future.set_exception(result)
    elif isinstance(result, Exception):
        error = ModelError(f"{type(result).__name__}: {result}")
        error.__cause__ = result
        future.set_exception(error)
    else:
        future.set_result(result)


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Job, Result]):
    """A job before its batch. `seen`: it was given to `prepare`, which may have failed."""

    job: Job
    future: asyncio.Future[Result]
    cost: int
    seen: bool = False
    prepared: object = None


class Batcher(Generic[Job, Result]):
    """Collects jobs and hands them to `compute` on `executor`, one batch at a time.

    A batch starts when the last one has landed and either the estimated cost of what waits reaches `budget` or no
    job has arrived for two turns of the event loop. It takes everything that waits. An exception that `compute`
    raises fails the batch's unanswered jobs as ModelError, and the batcher goes on.

    `prepare`, where it is given, works on what waits in a separate thread while a batch is under way: one result a
    job, which the next batch finds in `prepared`. Should it raise, the batch has to do without.
    """

    def __init__(
        self,
        compute: Callable[[Batch[Job, Result]], None],
        *,
        executor: Executor,
        cost: Callable[[Job], int] = lambda job: 1,
        budget: int = 1,
        prepare: Callable[[Sequence[Job]], Sequence[object]] | None = None,
    ) -> None:
        self._compute = compute
        self._executor = executor
        self._cost = cost
        self._budget = budget
        self._prepare = prepare
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="evalkit-prepare") if prepare else None
        self._preparing: asyncio.Future[Sequence[object]] | None = None
        self._waiting: list[_Waiting[Job, Result]] = []
        self._batch: Batch[Job, Result] | None = None
        self._landing: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turning = False
        self._quiet = 0
        self._closed = False

    async def submit(self, job: Job) -> Result:
        """The job's result. Raises ModelError where it failed; cancelling drops a job that still waits."""
        if self._closed:
            raise ModelError("the model was closed")
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._move_to(loop)
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append(_Waiting(job, future, max(1, self._cost(job))))
        self._quiet = 0
        self._turn_soon(loop)
        return await future

    def _move_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin in a new event loop: what an earlier one (another asyncio.run) left behind is not awaited any more."""
        if self._batch is not None:
            self._batch.stop()
        self._loop, self._waiting, self._turning = loop, [], False
        self._batch = self._landing = self._preparing = None

    def _turn_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        # While a batch is under way there is only something to prepare.
        if not self._turning and (self._batch is None or self._prepare is not None):
            self._turning = True
            loop.call_soon(self._turn, loop)

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Decide, once a turn of the loop, whether to start a batch or to wait for company."""
        if loop is not self._loop:
            return
        self._turning = False
        self._waiting = [item for item in self._waiting if not item.future.done()]
        if not self._waiting or self._preparing is not None:
            return
        if self._batch is not None:
            self._prepare_aside(loop)
        elif self._quiet >= _QUIET_TURNS or sum(item.cost for item in self._waiting) >= self._budget:
            self._start(loop)
        else:
            self._quiet += 1
            self._turn_soon(loop)

    def _prepare_aside(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give what nobody has looked at yet to `prepare`; when it is done, the next turn sees what has come since."""
        fresh = [item for item in self._waiting if not item.seen]
        if not fresh or self._prepare is None:
            return
        for item in fresh:
            item.seen = True
        preparing = loop.run_in_executor(self._aside, self._prepare, [item.job for item in fresh])

        def done(preparing: asyncio.Future[Sequence[object]]) -> None:
            if not preparing.cancelled() and preparing.exception() is None:
                for item, prepared in zip(fresh, preparing.result(), strict=True):
                    item.prepared = prepared
            if self._preparing is preparing:
                self._preparing = None
                self._turn_soon(loop)

        self._preparing = preparing
        preparing.add_done_callback(done)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting, self._waiting = self._waiting, []
        batch: Batch[Job, Result] = Batch(
            tuple(item.job for item in waiting),
            tuple(item.future for item in waiting),
            loop,
            tuple(item.prepared for item in waiting),
        )
        self._batch = batch
        self._landing = loop.run_in_executor(self._executor, self._compute, batch)
        self._landing.add_done_callback(lambda landing: self._landed(landing, batch, loop))

    def _landed(
        self, landing: asyncio.Future[None], batch: Batch[Job, Result], loop: asyncio.AbstractEventLoop
    ) -> None:
        error = None if landing.cancelled() else landing.exception()
        if isinstance(error, Exception):
            batch.fail_rest(error)
        batch.fail_rest(ModelError("the model was closed" if self._closed else "the model gave no answer"))
        if self._batch is not batch:
            return
        self._batch = self._landing = None
        self._quiet = 0
        if self._waiting:
            self._turn_soon(loop)

    async def close(self) -> None:
        """Fail what waits, tell the batch under way to stop, and return once it has landed."""
        self._closed = True
        waiting, self._waiting = self._waiting, []
        for item in waiting:
            _settle(item.future, ModelError("the model was closed"))
        if self._aside is not None:
            self._aside.shutdown(wait=False)
        if self._batch is not None:
            self._batch.stop()
        if self._landing is not None and self._landing.get_loop() is asyncio.get_running_loop():
            await asyncio.wait([self._landing])
