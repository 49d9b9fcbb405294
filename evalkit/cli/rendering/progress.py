"""Progress that a person can follow: a bar with the time left on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from evalkit.cli.rendering.output import console
from evalkit.core import Record
from evalkit.core.formatting import duration
from evalkit.core.terminal import say
from evalkit.runs.runner import PreparedTask, Progress

if TYPE_CHECKING:
    from rich.progress import TaskID

_LOG_EVERY_SECONDS = 30.0
_REDRAW_SECONDS = 0.1
_TOGETHER = 0.25
"""Seconds within which samples that end count as one batch."""
_MOST_NEEDED = 8


def progress(*, quiet: bool) -> Progress:
    """The progress that fits where stderr goes."""
    from evalkit.runs.runner import Silent

    if quiet:
        return Silent()
    return _Bar() if sys.stderr.isatty() else _Log()


class Pace:
    """How fast a task goes, and how long the rest takes at that pace.

    The pace is that of the samples after the first ones: until these end, weights are loaded, kernels compiled and
    batches filled, which happens once. So no time is promised before a tenth of the samples (at most eight) came
    after them, a second or more later. Samples of the cache cost no time and are left out. The time that unfinished
    texts have taken counts: short texts end first, and their pace alone would promise too much. (For exponential
    lengths, time over ended samples is the maximum-likelihood mean.)
    """

    def __init__(self, total: int | None, done: int) -> None:
        self.total, self.done, self.failed = total, done, 0
        self._asked = self._tokens = self._live = 0
        self._started = time.monotonic()
        # When the first samples ended, and how many they were.
        self._first, self._at_first = 0.0, 0
        self._needed = min(_MOST_NEEDED, max(1, ((total or 0) - done) // 10))

    def advance(self, record: Record) -> None:
        asked = [reply for reply in record.replies if reply.source == "model"]
        self._tokens += sum(reply.usage.completion_tokens for reply in asked)
        self.count(asked=bool(asked) or not record.replies, failed=record.validity.is_measurement_failure)

    def count(self, *, asked: bool, failed: bool) -> None:
        """One more is done; `asked` is whether a model did it now."""
        self.done += 1
        self.failed += failed
        if asked:
            now = time.monotonic()
            self._first = self._first or now
            self._asked += 1
            self._at_first += now - self._first <= _TOGETHER

    def tick(self, tokens: int) -> None:
        self._live = tokens

    def words(self, now: float) -> str:
        """`1,240 tokens/s, 3:05 min left`; without what is not known yet."""
        seconds = max(1e-9, now - self._started)
        said = []
        if tokens := max(self._live, self._tokens):
            said.append(f"{tokens / seconds:,.0f} tokens/s")
        if (left := self.left(now)) is not None:
            said.append(f"{duration(left)} left")
        return ", ".join(said)

    def left(self, now: float) -> float | None:
        """Seconds for the rest; None while the pace is not known, and where nothing is left."""
        later, passed = self._asked - self._at_first, now - self._first
        if self.total is None or self.total <= self.done or later < self._needed or passed < 1.0:
            return None
        return (self.total - self.done) * passed / later


class _Bar:
    def __init__(self) -> None:
        self._bar: Any = None
        self._id: TaskID | None = None
        self._pace = Pace(None, 0)
        self._drawn = 0.0
        self._status: Callable[[], str] | None = None

    def start(self, task: PreparedTask, model: str, done: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[pace]}"),
            TextColumn("[red]{task.fields[failed]}"),
            TextColumn("{task.fields[status]}", markup=False),
            console=console(err=True),
            transient=True,
        )
        self._pace = Pace(task.total, done)
        self._id = self._bar.add_task(
            f"{task.name} · {model}", total=task.total, completed=done, failed="", pace="", status=""
        )
        self._bar.start()

    def watch(self, status: Callable[[], str] | None) -> None:
        self._status = status

    def advance(self, record: Record) -> None:
        self._pace.advance(record)
        self._flush(time.monotonic())

    def tick(self, tokens: int) -> None:
        self._pace.tick(tokens)
        self._flush(time.monotonic())

    def _flush(self, now: float, *, last: bool = False) -> None:
        if now - self._drawn > _REDRAW_SECONDS or last:
            pace = self._pace
            failed = f"{pace.failed} failed" if pace.failed else ""
            status = self._status() if self._status is not None else ""
            self._bar.update(self._id, completed=pace.done, failed=failed, pace=pace.words(now), status=status)
            self._drawn = now

    def finish(self, task: PreparedTask) -> None:
        self._flush(time.monotonic(), last=True)
        self._bar.stop()


class _Log:
    def __init__(self) -> None:
        self._task = ""
        self._pace = Pace(None, 0)
        self._said = 0.0
        self._status: Callable[[], str] | None = None

    def watch(self, status: Callable[[], str] | None) -> None:
        self._status = status

    def start(self, task: PreparedTask, model: str, done: int) -> None:
        self._task, self._pace, self._said = task.name, Pace(task.total, done), time.monotonic()

    def advance(self, record: Record) -> None:
        self._pace.advance(record)
        self._say()

    def tick(self, tokens: int) -> None:
        self._pace.tick(tokens)
        self._say()

    def _say(self) -> None:
        now = time.monotonic()
        if now - self._said >= _LOG_EVERY_SECONDS:
            self._said = now
            say(self._line(now), err=True)

    def _line(self, now: float) -> str:
        pace = self._pace
        of = "" if pace.total is None else f"/{pace.total:,}"
        failed = f"{pace.failed} failed" if pace.failed else ""
        status = self._status() if self._status is not None else ""
        words = [f"{self._task}: {pace.done:,}{of} samples", failed, pace.words(now), status]
        return ", ".join(filter(None, words))

    def finish(self, task: PreparedTask) -> None: ...
