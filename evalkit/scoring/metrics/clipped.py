"""A mean that is clipped as a whole: scores below 0 pull it down, and it is reported from 0 to 1."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.core import Estimate, Metric, Record
from evalkit.scoring.metrics.means import mean

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray


def clipped_mean(score: str, *, name: str | None = None) -> Metric:
    """The mean of the score over the samples that have it, clipped to 0 and 1, as HealthBench reports it
    (https://arxiv.org/abs/2505.08775). The interval is that of the plain mean with its ends clipped likewise.

    A sample without the score, such as one whose rubric has no item of a tag, leaves n. The row is the value.
    """
    plain = mean(score, scale="number")

    def observe(record: Record) -> tuple[float, ...] | None:
        found = None if record.value(score) is None else plain.observe(record)
        return None if found is None else tuple(found)

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        found = plain.estimate(rows, clusters)
        low, value, high = (_clipped(each) for each in (found.low, found.value, found.high))
        return replace(found, low=low, value=value, high=high, how=f"{found.how}, clipped")

    return Metric(name or score, observe, estimate, scale="proportion", ends=(None, 1.0))


def _clipped(value: float) -> float:
    """Between 0 and 1; NaN stays NaN."""
    return value if value != value else min(1.0, max(0.0, value))
