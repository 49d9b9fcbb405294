"""A run while it goes: how far it is, what it comes to so far, and what failed, read from its folder alone.

The estimates are those that the run itself would write now: the same metrics over the same records, by its `Collector`.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalkit.comparing.gates.metrics import tasks_of_run
from evalkit.core import Record, Task, UsageError, Validity
from evalkit.core.claims import is_held
from evalkit.core.formatting import duration, interval, money, number
from evalkit.reporting.endings import ENDINGS, ending
from evalkit.reporting.serving.tail import Tail
from evalkit.runs.runner.collect import Collector
from evalkit.runs.store import Manifest, MetricResult, Run, TaskEntry, manifest
from evalkit.runs.store.journal import RECORDS

_SHOWN_FAILURES = 200
_WINDOW_SECONDS = 60.0
_SHARE_OF_TIME = 0.1
"""Of the time between two looks, what estimates may take: those of many samples are made less often."""


@dataclass(slots=True)
class _Task:
    """What is known of one task; `shown` is the estimate that was last computed, of `counted` samples."""

    collector: Collector
    keys: set[tuple[str, int]] = field(default_factory=set)
    shown: MetricResult | None = None
    counted: int = 0
    took: float = 0.0
    computed: float = -math.inf

    def add(self, record: Record) -> bool:
        """Whether the record is one that was not counted before."""
        key = (record.sample.id, record.repeat)
        if key in self.keys:
            return False
        self.keys.add(key)
        self.collector.add(record)
        return True

    def estimate(self) -> MetricResult | None:
        now = time.monotonic()
        if self.counted != self.collector.samples and (now - self.computed) * _SHARE_OF_TIME >= self.took:
            self.shown = self.collector.result(0.0).metric()
            self.counted, self.computed = self.collector.samples, now
            self.took = time.monotonic() - now
        return self.shown


class LiveRun:
    """One run folder, looked at again and again. Nothing is written into it, and its process is never waited for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tail = Tail(folder)
        self._stamp: tuple[int, int] = (0, 0)
        self._run: Run | None = None
        self._known: dict[str, Task] | None = None
        self._lost: dict[str, str] = {}
        self._tasks: dict[str, _Task] = {}
        self._failures: deque[dict[str, Any]] = deque(maxlen=_SHOWN_FAILURES)
        self._failed = 0
        self._pace: deque[tuple[float, int]] = deque()

    def state(self, seconds: float = 0.4) -> dict[str, Any]:
        """What the page shows, as JSON: see docs/reference. It reads for about so many seconds at most."""
        run = self._opened()
        if run is None:
            return {"folder": str(self.folder), "status": "waiting", "said": "The run has not begun.", "tasks": []}
        news = self._tail.look(seconds)
        if news.again:
            self._forget()
        for record in news.records:
            self._take(record)
        held = is_held(self.folder / RECORDS)
        done = sum(task.collector.samples for task in self._tasks.values())
        status, said = _status(run.manifest, held, self.folder)
        left = self._left(run.manifest, done) if status == "running" else ""
        costs = [task.collector.cost for task in self._tasks.values() if task.collector.cost is not None]
        return {
            "folder": str(self.folder),
            "model": run.model,
            "status": status,
            "said": said,
            "created": run.manifest.created,
            "reading": news.behind,
            "done": done,
            "total": _total(run.manifest.tasks),
            "left": left,
            "cost": money(sum(costs)) if costs else "",
            "tasks": [self._task(entry) for entry in run.manifest.tasks],
            "failed": self._failed,
            "failures": list(self._failures),
            "damaged": self._tail.damaged,
        }

    @property
    def _settings(self) -> dict[str, Any]:
        return self._run.manifest.settings if self._run else {}

    def _opened(self) -> Run | None:
        """The run by its manifest, read again where that was replaced."""
        try:
            found = (self.folder / manifest.FILE).stat()
            stamp = (found.st_mtime_ns, found.st_ino)
            if self._run is None or stamp != self._stamp:
                self._run, self._stamp = Run.open(self.folder), stamp
        except (OSError, UsageError):
            return self._run
        if self._known is None:
            self._known, self._lost = tasks_of_run(self._run)
        return self._run

    def _forget(self) -> None:
        self._tasks.clear()
        self._failures.clear()
        self._failed = 0

    def _take(self, record: Record) -> None:
        if record.task not in self._tasks:
            known = (self._known or {}).get(record.task)
            samples = int(self._settings.get("samples", 1) or 1)
            self._tasks[record.task] = _Task(Collector.of(known, samples) if known else Collector(()))
        if not self._tasks[record.task].add(record) or not record.validity.is_measurement_failure:
            return
        self._failed += 1
        failure = record.failure
        self._failures.appendleft(
            {
                "number": self._failed,
                "task": record.task,
                "sample": record.sample.id,
                "what": ENDINGS[record.validity][0],
                "why": f"{failure.kind}: {failure.message}"[:2000] if failure else "",
            }
        )

    def _task(self, entry: TaskEntry) -> dict[str, Any]:
        known = self._tasks.get(entry.name)
        counts = known.collector.counts if known else {}
        final = entry.result.metric() if entry.result else None
        metric = final or (known.estimate() if known else None)
        return {
            "task": entry.name,
            "toy": entry.toy,
            "done": known.collector.samples if known else 0,
            "total": entry.total,
            "cached": known.collector.cached if known else 0,
            "final": final is not None,
            "estimate": _estimate(metric),
            "why_none": self._lost.get(entry.name, ""),
            "endings": [
                {"what": ending(name, count), "failed": Validity(name).is_measurement_failure}
                for name, count in sorted(counts.items(), key=lambda item: -item[1])
                if name != Validity.OK.value
            ],
        }

    def _left(self, told: Manifest, done: int) -> str:
        """How long the rest takes at the pace of the last minute; nothing while that is not known."""
        now, total = time.monotonic(), _total(told.tasks)
        while self._pace and (now - self._pace[0][0] > _WINDOW_SECONDS or self._pace[0][1] > done):
            self._pace.popleft()
        self._pace.append((now, done))
        began, before = self._pace[0]
        if total is None or done == before or now - began < 2.0:
            return ""
        return duration((total - done) * (now - began) / (done - before))


def _total(tasks: Sequence[TaskEntry]) -> int | None:
    totals = [entry.total for entry in tasks]
    return sum(total for total in totals if total is not None) if None not in totals else None


def _status(told: Manifest, held: bool, folder: Path) -> tuple[str, str]:
    """`running`, `stopped`, `finished`, `interrupted` or `failed`, and a sentence."""
    on = f"Go on with: evalkit run --resume {folder}"
    if told.status == "running" and not held:
        return "stopped", f"The run was stopped, and its finished samples are kept. {on}"
    if told.status == "running":
        return "running", "The run goes on."
    if told.status == "finished":
        return "finished", "The run has finished. These are its results."
    return told.status, f"The run {'was interrupted' if told.status == 'interrupted' else 'failed'}. {on}"


def _estimate(metric: MetricResult | None) -> dict[str, Any] | None:
    if metric is None or not math.isfinite(metric.estimate.value):
        return None
    found = metric.estimate
    return {
        "metric": metric.name,
        "value": found.value,
        "low": found.low if math.isfinite(found.low) else None,
        "high": found.high if math.isfinite(found.high) else None,
        "n": found.n,
        "scale": metric.scale,
        "text": number(found.value, metric.scale),
        "interval": interval(found.low, found.high, metric.scale),
    }
