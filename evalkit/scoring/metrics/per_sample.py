"""Metrics that are a mean of one value a sample: whether one is, and what the value is."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from evalkit.core import Metric

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray


def value_of_sample(rows: FloatRows, units: Callable[[FloatRows, IntArray], tuple[FloatRows, IntArray]]) -> float:
    """The value that the rows of one sample (shape (repeats, width), NaN where it was not measured) make together."""
    import numpy as np

    measured = rows[np.isfinite(rows).all(axis=1)]
    if not len(measured):
        return math.nan
    values, _ = units(measured, np.zeros(len(measured), np.int64))
    return float(values[0])


def plain_value(rows: FloatRows, clusters: IntArray) -> tuple[FloatRows, IntArray]:
    """`Metric.units` of one sample's rows where each of them is a value: their mean."""
    return rows.mean(axis=0), clusters[:1]


def is_mean_of(metric: Metric, rows: FloatRows) -> bool:
    """Whether the metric is the mean of a value a sample, as accuracy and pass@k are. What it says of these rows, of
    shape (n, width) with n > 0, decides, not its name."""
    import numpy as np

    from evalkit.stats.bootstrap import values_only

    if metric.units is not None:
        return True
    if metric.width != 1:
        return False
    with values_only():
        value = metric.estimate(rows, np.arange(len(rows))).value
    return math.isclose(value, float(rows.mean()), rel_tol=1e-9, abs_tol=1e-12)
