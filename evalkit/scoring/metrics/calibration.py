"""Expected calibration error: how far a model's confidence lies from how often it is right."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.core import Estimate, Metric, Record, UsageError
from evalkit.scoring.metrics.corpus import counted

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

_SEED = 1
_DRAWS = 4000


def ece(*, score: str = "confidence", bins: int = 15) -> Metric:
    """Expected calibration error: Σ over bins of |Σ (confidence - right)| / n, 0 to 1.

    Guo et al. 2017, https://arxiv.org/abs/1706.04599.

    Bins are of equal width, each with its upper end. A row is (confidence, right), from `scorers.calibration`. Being a
    sum of absolute values it is above 0 also for a model that is right as often as it says: `how` says what such a
    model of these confidences has on average, and where the value is within what it has 95 times in 100, the interval
    begins at 0.
    """
    if bins < 1:
        raise UsageError("ece needs a bin at least", found=f"bins={bins}")

    def observe(record: Record) -> tuple[float, ...] | None:
        return counted(record, score, 2)

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        import numpy as np

        from evalkit.scoring.metrics.expanding import spread_out, units_of
        from evalkit.stats import bootstrap_interval
        from evalkit.stats.bootstrap import is_values_only

        units, count = units_of(clusters, _SEED)
        edges = np.linspace(0.0, 1.0, bins + 1)[1:-1]
        columns = np.searchsorted(edges, rows[:, 0]).astype(np.int64)
        gaps = spread_out(columns, rows[:, 0] - rows[:, 1], units, (count, bins))
        wide = np.column_stack([gaps, np.bincount(units, minlength=count)])

        def statistic(sums: FloatRows, counts: FloatRows) -> FloatRows:
            gap: FloatRows = np.abs(sums[:, :-1]).sum(axis=1) / sums[:, -1]
            return gap

        found = bootstrap_interval(wide, statistic, seed=_SEED, pushed=True)
        if is_values_only():
            return replace(found, n=len(rows))
        level, most = _calibrated(rows[:, 0], columns, bins)
        low = 0.0 if found.value <= most else max(0.0, found.low)
        how = f"{found.how}; {level:.3g} if calibrated"
        return replace(found, n=len(rows), low=low if math.isfinite(found.low) else found.low, how=how)

    return Metric("ece", observe, estimate, 2, higher_is_better=False, jackknife="none")


def _calibrated(confidence: FloatRows, columns: IntArray, bins: int) -> tuple[float, float]:
    """(mean, 95th percentile) of the error of a model that is right as often as it says, with these confidences.

    A bin's sum of confidence - right is then normal around 0, with the variance Σ confidence·(1 - confidence).
    """
    import numpy as np

    deviations = np.sqrt(np.bincount(columns, weights=confidence * (1.0 - confidence), minlength=bins))
    drawn = np.abs(np.random.default_rng(_SEED).normal(size=(_DRAWS, bins)) * deviations).sum(axis=1)
    mean = math.sqrt(2.0 / math.pi) * float(deviations.sum())
    return mean / len(confidence), float(np.quantile(drawn, 0.95)) / len(confidence)
