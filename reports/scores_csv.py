"""Every score of every run as CSV, one line each: overall, by group and by suite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evalkit import Run
from evalkit.reporting.tables import csv_lines
from evalkit.runs.store import MetricResult

META = {"name": "scores_csv", "summary": "one line a score: model, task, group, metric, interval", "tags": ["csv"]}

HEAD = ("model", "task", "group", "metric", "value", "low", "high", "n", "how", "confidence")
LAST = ("failed", "signature", "run")


def report(runs: Sequence[Run], /) -> Iterator[str]:
    """Values as they are in the manifest (shares between 0 and 1)."""
    return csv_lines(_rows(runs))


def _rows(runs: Sequence[Run]) -> Iterator[list[object]]:
    yield [*HEAD, *LAST]
    for run in runs:
        for entry in run.manifest.tasks:
            result = entry.result
            if result is None:
                continue
            ends: list[object] = [result.failed, result.signature, str(run.folder)]
            for metric in result.metrics:
                yield [run.model, entry.name, "", *_numbers(metric), *ends]
            for group, metrics in result.groups.items():
                for metric in metrics:
                    yield [run.model, entry.name, group, *_numbers(metric), "", *ends[1:]]
        for suite in run.manifest.suites:
            for category, mean in suite.means.items():
                if mean is not None:
                    yield [run.model, suite.name, category, *_numbers(mean), "", "", str(run.folder)]


def _numbers(metric: MetricResult) -> list[object]:
    e = metric.estimate
    return [metric.name, e.value, e.low, e.high, e.n, e.how, e.confidence]
