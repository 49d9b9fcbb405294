"""The ratio of two sums: what was right of all there was, where samples hold several things each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from evalkit.core import Estimate, Metric, Record
from evalkit.scoring.metrics.means import measured

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray


def ratio(
    numerator: str,
    denominator: str,
    *,
    name: str,
    scale: Literal["proportion", "number"] = "proportion",
    higher_is_better: bool = True,
) -> Metric:
    """The sum of one score over the sum of another, over the samples that have both: a micro average.

    The metric is called `name`. The row is (numerator, denominator); see `evalkit.stats.ratio_interval` for the
    interval. With `scale="proportion"` it is held within [0, 1]. NaN where the denominators sum to zero.
    """

    def observe(record: Record) -> tuple[float, float] | None:
        top, bottom = measured(record, numerator), measured(record, denominator)
        return None if top is None or bottom is None else (top, bottom)

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        from evalkit.stats import ratio_interval

        if len(rows) == 0 or float(rows[:, 1].sum()) == 0.0:
            return Estimate(math.nan, math.nan, math.nan, len(rows), f"no {denominator}")
        return ratio_interval(rows[:, 0], rows[:, 1], clusters, ends=metric.ends or (None, None))

    metric = Metric(name, observe, estimate, width=2, higher_is_better=higher_is_better, scale=scale, weighed_by=1)
    return metric
