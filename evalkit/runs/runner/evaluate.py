"""Runs one prepared task on one model: keeps a window of samples in flight and writes every outcome down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

from evalkit.core import Model, Record
from evalkit.runs.runner.attempt import make_record
from evalkit.runs.runner.collect import Collector
from evalkit.runs.runner.drawing import hold_to
from evalkit.runs.runner.in_groups import InGroups
from evalkit.runs.runner.prepare import PreparedTask, Work
from evalkit.runs.store import TaskResult


def key_hash(task: str, sample: str, repeat: int) -> int:
    """A record's key as one number, good within this process: a million finished samples stay small."""
    return hash((task, sample, repeat))


_BEAT_SECONDS = 1.0


class Progress(Protocol):
    """Told what happens, for a person to see. `done` are samples an earlier, interrupted run had finished; `tick` comes
    every second with the `tokens` that the model has written for the task, 0 where it does not count them.

    One that has a method `watch` is given what a model with several replicas says of them: a function without
    arguments that returns a few words, or None.
    """

    def start(self, task: PreparedTask, model: str, done: int) -> None: ...
    def advance(self, record: Record) -> None: ...
    def tick(self, tokens: int) -> None: ...
    def finish(self, task: PreparedTask) -> None: ...


class Silent:
    """Progress that nobody watches."""

    def start(self, task: PreparedTask, model: str, done: int) -> None: ...
    def advance(self, record: Record) -> None: ...
    def tick(self, tokens: int) -> None: ...
    def finish(self, task: PreparedTask) -> None: ...


@dataclass(slots=True)
class Evaluation:
    """One task on one model. `collector` holds what an interrupted run left, `done` the key hashes of that. `grouped`:
    samples whose replies are there wait some milliseconds for others, which a model elsewhere leaves the time for."""

    prepared: PreparedTask
    model: Model
    write: Callable[[Record], None]
    collector: Collector
    done: Collection[int] = ()
    progress: Progress = Silent()  # noqa: RUF009 - it has no state
    grouped: bool = False

    async def run(self) -> TaskResult:
        """Evaluate what is not done yet. Raises UsageError and RunError; any other failure is on a record."""
        started = time.perf_counter()
        self.progress.start(self.prepared, self.model.identity.name, len(self.done))
        watch, status = getattr(self.progress, "watch", None), getattr(self.model, "status", None)
        if watch is not None:
            watch(status)
        work = self._left()
        total = self.prepared.total
        width = self.model.capabilities.window
        workers = max(1, width if total is None else min(width, total - len(self.done)))
        groups = InGroups(workers) if self.grouped else None
        beat = asyncio.create_task(self._beat())
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(self._worker(work, groups))
        except BaseExceptionGroup as failures:
            raise _first(failures) from failures
        finally:
            beat.cancel()
            self.progress.finish(self.prepared)
        return self.collector.result(time.perf_counter() - started)

    async def _beat(self) -> None:
        """Tell how far the texts are that are being written: of long ones none may end for an hour."""
        before = _tokens_of(self.model)
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            self.progress.tick(_tokens_of(self.model) - before)

    def _left(self) -> Iterator[Work]:
        name = self.prepared.name
        for work in self.prepared.work():
            attempt = work.attempt
            if not self.done or key_hash(name, attempt.sample.id, attempt.repeat) not in self.done:
                yield work

    async def _worker(self, work: Iterator[Work], groups: InGroups | None) -> None:
        """Takes the next sample until none is left. All workers share the iterator: they run in one thread."""
        name, task, model = self.prepared.name, self.prepared.task, self.model
        for item in work:
            record = await make_record(name, task, item, model, groups)
            if record.flags:
                hold_to(task, self.prepared.settings, record.flags, model.identity.name)
            self.write(record)
            self.collector.add(record)
            self.progress.advance(record)
            if not record.replies or record.replies[0].source == "cache":
                await asyncio.sleep(0)  # nothing was waited for: let the others, and Ctrl-C, have a turn


def _tokens_of(model: Model) -> int:
    return int(getattr(model, "tokens_written", 0))


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The failure that ended the run; the workers that were cancelled for it are not news."""
    for failure in failures.exceptions:
        return _first(failure) if isinstance(failure, BaseExceptionGroup) else failure
    return failures
