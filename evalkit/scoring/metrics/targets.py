"""Perplexity of targets that are predicted whole, each counting once whatever its length in words."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.core import Estimate, Metric, Record
from evalkit.scoring.metrics.means import measured

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray


def perplexity() -> Metric:
    """Perplexity over samples: exp of the mean of -log-likelihood, as LAMBADA's is.

    Reads the score `loglikelihood` (nats). The row is -log-likelihood (width 1). The interval is made on the mean,
    then carried over by exp.
    """

    def observe(record: Record) -> tuple[float] | None:
        value = measured(record, "loglikelihood")
        return None if value is None else (-value,)

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        from evalkit.stats import mean_interval

        found = mean_interval(rows[:, 0] if len(rows) else [], clusters if len(rows) else None)
        return replace(found, value=_exp(found.value), low=_exp(found.low), high=_exp(found.high))

    return Metric("perplexity", observe, estimate, higher_is_better=False, scale="number")


def _exp(nats: float) -> float:
    # Beyond float64 a perplexity is infinite; math.exp would raise.
    return math.exp(nats) if nats < 709.0 else (math.nan if math.isnan(nats) else math.inf)
