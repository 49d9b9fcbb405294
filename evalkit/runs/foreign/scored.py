"""Another harness's log with its scores as results, so that a report can be made of it."""

from __future__ import annotations

from evalkit.runs.foreign.run import ForeignRun
from evalkit.runs.runner.collect import Collector
from evalkit.runs.runner.suites import summarise


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
