"""Another harness's log with its scores as results, so that a report can be made of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from evalkit.core import UsageError
from evalkit.runs.foreign import open_log
from evalkit.runs.foreign.run import ForeignRun
from evalkit.runs.runner.collect import Collector
from evalkit.runs.runner.suites import summarise
from evalkit.runs.store import Run, runs_under


def scored(run: ForeignRun) -> ForeignRun:
    """The run with the estimates of its metrics in its manifest, from its records, with evalkit's intervals."""
    collectors = {
        entry.name: Collector(run.metrics.get(entry.name, ()), entry.result.primary_metric if entry.result else "")
        for entry in run.manifest.tasks
    }
    seconds = dict.fromkeys(collectors, 0.0)
    for record in run.records():
        collectors[record.task].add(record)
        seconds[record.task] += record.seconds
    for entry in run.manifest.tasks:
        entry.result = collectors[entry.name].result(seconds[entry.name])
        facts = (f"{key}:{value}" for key, value in entry.identity.items() if key != "task" and value)
        entry.result.signature = "|".join((entry.name, run.harness, *facts))
    summarise(run.manifest)
    return run


def runs_at(given: Path) -> list[Run]:
    """The runs at or below a path, the oldest first, or the log of another harness where there are none."""
    folders = runs_under(given)[::-1]
    if not folders and given.exists():
        log = open_log(given)
        if log is not None:
            return [cast("Run", scored(log))]
    return [Run.open(folder) for folder in folders or [given]]


def logs_under(folder: Path) -> Iterator[Run | UsageError]:
    """The logs of other harnesses at any depth, with their scores; for one that is damaged, what is wrong with it."""
    places = {path.parent for path in folder.rglob("samples_*.jsonl")} | set(folder.rglob("*.eval"))
    for place in sorted(places):
        try:
            log = open_log(place)
            if log is not None:
                yield cast("Run", scored(log))
        except UsageError as error:
            yield error
