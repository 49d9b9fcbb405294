"""Progress that a person can follow: a bar with the time left on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
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


def progress(*, quiet: bool) -> Progress:
    """The progress that fits where stderr goes."""
    from evalkit.runs.runner import Silent

    if quiet:
        return Silent()
    return _Bar() if sys.stderr.isatty() else _Log()


class _Bar:
    def __init__(self) -> None:
        self._bar: Any = None
        self._id: TaskID | None = None
        self._waiting = 0
        self._failed = 0
        self._drawn = 0.0

    def start(self, task: PreparedTask, model: str, done: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("[red]{task.fields[failed]}"),
            console=console(err=True),
            transient=True,
        )
        self._failed = 0
        self._id = self._bar.add_task(f"{task.name} · {model}", total=task.total, completed=done, failed="")
        self._bar.start()

    def advance(self, record: Record) -> None:
        self._waiting += 1
        if record.validity.is_measurement_failure:
            self._failed += 1
        now = time.monotonic()
        if now - self._drawn > _REDRAW_SECONDS:
            self._flush(now)

    def _flush(self, now: float) -> None:
        failed = f"{self._failed} failed" if self._failed else ""
        self._bar.update(self._id, advance=self._waiting, failed=failed)
        self._waiting, self._drawn = 0, now

    def finish(self, task: PreparedTask) -> None:
        self._flush(time.monotonic())
        self._bar.stop()


class _Log:
    def __init__(self) -> None:
        self._task = ""
        self._total: int | None = None
        self._done = self._begun = self._failed = 0
        self._started = self._said = 0.0

    def start(self, task: PreparedTask, model: str, done: int) -> None:
        self._task, self._total, self._done, self._begun, self._failed = task.name, task.total, done, done, 0
        self._started = self._said = time.monotonic()

    def advance(self, record: Record) -> None:
        self._done += 1
        self._failed += record.validity.is_measurement_failure
        now = time.monotonic()
        if now - self._said >= _LOG_EVERY_SECONDS:
            self._said = now
            say(self._line(now), err=True)

    def _line(self, now: float) -> str:
        of = "" if self._total is None else f"/{self._total:,}"
        line = f"{self._task}: {self._done:,}{of} samples"
        if self._failed:
            line += f", {self._failed} failed"
        pace = (self._done - self._begun) / max(1e-9, now - self._started)
        if self._total is not None and pace > 0:
            line += f", {duration((self._total - self._done) / pace)} left"
        return line

    def finish(self, task: PreparedTask) -> None: ...
