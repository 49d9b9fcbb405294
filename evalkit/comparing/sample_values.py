"""What a metric says of one sample: the one mapping from a run's metrics to the values of its records.

A metric need not be called like the score that it is made of (`pass@1` of `passed`), and a score need not be there (a
refusal counts as 0). So the value of a record comes from the metric's own `observe`, as the estimate does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from evalkit.comparing.gates.metrics import metrics_of_run
from evalkit.comparing.side import Column, Readable
from evalkit.core import Metric, Record
from evalkit.runs.store import MetricResult
from evalkit.scoring.metrics.per_sample import value_of_sample

if TYPE_CHECKING:
    from evalkit.core import FloatRows

__all__ = ["PROPORTION", "SampleValues", "Span", "span_of", "value_of_rows"]

Span = tuple[float | None, float | None]
"""The worst and the best value that one sample can have; None where there is no such end."""
PROPORTION: Span = (0.0, 1.0)


class SampleValues:
    """The metrics of a run's tasks, asked about single records. Tasks that cannot be loaded (made in Python, moved, of
    another harness) have only the metrics that are called like a score."""

    def __init__(
        self,
        metrics: Mapping[str, Sequence[Metric]],
        primary_metrics: Mapping[str, str],
        spans: Mapping[str, Span] | None = None,
    ) -> None:
        """`spans`: those of the primary metrics; a proportion's where left out."""
        self.spans = dict(spans or {})
        self._metrics = {task: {metric.name: metric for metric in found} for task, found in metrics.items()}
        self.primary_metrics = dict(primary_metrics)

    @classmethod
    def of_run(cls, run: Readable) -> SampleValues:
        """Those of a run folder, whose tasks are loaded again, or of another harness's log, which has its metrics."""
        known = getattr(run, "metrics", None)
        metrics = known if isinstance(known, dict) else metrics_of_run(run)[0]
        primary = {e.name: e.result.metric() for e in run.manifest.tasks if e.result}
        spans = {task: span_of(found, metrics.get(task, ())) for task, found in primary.items() if found}
        return cls(metrics, {e.name: e.result.primary_metric for e in run.manifest.tasks if e.result}, spans)

    def metric(self, task: str, name: str) -> Metric | None:
        """The metric of that name, where its task could be loaded."""
        return self._metrics.get(task, {}).get(name)

    def is_wrong(self, task: str, value: float | None) -> bool:
        """Whether a value of the task's primary metric is less than the best; False where there is no best one."""
        best = self.spans.get(task, PROPORTION)[1]
        return value is not None and best is not None and value != best

    def row(self, record: Record, name: str = "") -> tuple[float, ...] | None:
        """What the metric (the task's primary metric by default) keeps of a record; None where it does not apply."""
        wanted = name or self.primary_metrics.get(record.task, "")
        found = self.metric(record.task, wanted)
        observed = _observed(found, record) if found else None
        if observed is not None:
            return observed
        value = None if record.validity.is_measurement_failure else record.value(wanted)
        return None if value is None or not math.isfinite(value) or (found and found.width != 1) else (value,)

    def of(self, record: Record, name: str = "") -> float | None:
        """The metric's value of one record; None where it was not measured.

        Of pass@k, when a record has fewer than k attempts, it is the same with the largest k that it has enough for.
        """
        wanted = name or self.primary_metrics.get(record.task, "")
        row, metric = self.row(record, wanted), self.metric(record.task, wanted)
        value = math.nan if row is None else value_of_rows(metric, (row,))
        if row is not None and math.isnan(value) and metric is not None and metric.units is not None:
            others = [m for m in self._metrics[record.task].values() if m.units is not None and m.width == metric.width]
            known = [v for m in others if math.isfinite(v := value_of_rows(m, (row,)))]
            value = known[-1] if known else value
        score = None if record.validity.is_measurement_failure else record.value(wanted)
        if math.isnan(value) and score is not None:
            # What is computed of a whole corpus may be nothing of one sample, for which its scorer has a score.
            value = score
        return value if math.isfinite(value) else None


def value_of_rows(metric: Metric | None, rows: Sequence[Sequence[float]]) -> float:
    """The value that a sample's rows (one for each repeat) make together; NaN where it is not known.

    Without a metric, and for one whose row is its value, it is the mean of the rows.
    """
    if metric is None or (metric.units is None and metric.width == 1):
        return sum(row[0] for row in rows) / len(rows)
    import numpy as np

    table: FloatRows = np.asarray(rows, dtype=np.float64)
    if metric.units is not None:
        return value_of_sample(table, metric.units)
    return Column.of(metric, table).value_of(table, one_sample=True)


def span_of(result: MetricResult, known: Sequence[Metric]) -> Span:
    """Of a metric that could not be loaded, a proportion ends at 0 and 1, and any other number nowhere."""
    ends = next((metric.ends for metric in known if metric.name == result.name), None)
    low, high = ends or (PROPORTION if result.scale == "proportion" else (None, None))
    return (low, high) if result.higher_is_better else (high, low)


def _observed(metric: Metric, record: Record) -> tuple[float, ...] | None:
    lost = record.validity.is_measurement_failure and not record.scores
    observed = None if lost and not metric.counts_missing else metric.observe(record)
    if observed is None or not all(map(math.isfinite, observed)):
        return None
    return tuple(observed)
