"""A sample's score by a metric that is a mean, and the estimate of the whole set that a subset's scores make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.core import Metric, Record
from evalkit.runs.store import TaskResult
from evalkit.runs.store.subset_file import Subset
from evalkit.scoring.metrics.per_sample import plain_value, value_of_sample

if TYPE_CHECKING:
    from evalkit.core import FloatRows


def rows_of(metric: Metric, records: Iterable[Record]) -> dict[str, tuple[int, FloatRows]]:
    """Sample to its place in the data and the metric's rows of it, shape (repeats, width), fewer where it was not
    measured."""
    import numpy as np

    rows: dict[str, list[Sequence[float]]] = {}
    places: dict[str, int] = {}
    for record in records:
        kept = rows.setdefault(record.sample.id, [])
        places.setdefault(record.sample.id, record.index)
        lost = record.validity.is_measurement_failure and not record.scores
        observed = None if lost and not metric.counts_missing else metric.observe(record)
        if observed is not None:
            kept.append(observed)
    return {
        sample: (places[sample], np.asarray(found, dtype=np.float64).reshape(-1, metric.width))
        for sample, found in rows.items()
    }


def scores_of(metric: Metric, rows: Mapping[str, tuple[int, FloatRows]]) -> dict[str, float]:
    """Sample to its score, by a metric that is the mean of them; NaN where it was not measured."""
    units = metric.units or plain_value
    return {sample: value_of_sample(found, units) for sample, (_, found) in rows.items()}


def calibrate(result: TaskResult, metrics: Sequence[Metric], subset: Subset, records: Iterable[Record]) -> None:
    """Put the estimate of the whole set's mean in place of the plain mean over the subset."""
    import numpy as np

    from evalkit.stats.subset_estimate import subset_estimate

    metric = next((one for one in metrics if one.name == subset.metric), None)
    written = next((one for one in result.metrics if one.name == subset.metric), None)
    if metric is None or written is None:
        return
    place_of = {sample: place for place, sample in enumerate(subset.stored.ids)}
    scores = scores_of(metric, rows_of(metric, records))
    measured = [sample for sample, value in scores.items() if sample in place_of and np.isfinite(value)]
    places = np.array([place_of[sample] for sample in measured], dtype=np.int64)
    values = np.array([scores[sample] for sample in measured], dtype=np.float64)
    made = subset_estimate(subset.stored, subset.design, places, values, written.estimate.confidence)
    result.metrics[result.metrics.index(written)] = replace(written, estimate=made)
