"""Expected calibration error: how far a model's confidence lies from how often it is right."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.core import Estimate, Metric, Record, UsageError
from evalkit.scoring.metrics.corpus import counted

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

_SEED = 1


def ece(*, score: str = "confidence", bins: int = 15) -> Metric:
    """Expected calibration error: Σ over bins of |Σ (confidence - right)| / n, 0 to 1.

    Guo et al. 2017, https://arxiv.org/abs/1706.04599.

    Bins are of equal width, each with its upper end. A row is (confidence, right), from `scorers.calibration`. Being a
    sum of absolute values it is too large in small samples, and more so in resamples: the interval is rather high.
    """
    if bins < 1:
        raise UsageError("ece needs a bin at least", found=f"bins={bins}")

    def observe(record: Record) -> tuple[float, ...] | None:
        return counted(record, score, 2)

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        import numpy as np

        from evalkit.scoring.metrics.expanding import spread_out, units_of
        from evalkit.stats import bootstrap_interval

        units, count = units_of(clusters, _SEED)
        edges = np.linspace(0.0, 1.0, bins + 1)[1:-1]
        columns = np.searchsorted(edges, rows[:, 0]).astype(np.int64)
        gaps = spread_out(columns, rows[:, 0] - rows[:, 1], units, (count, bins))
        wide = np.column_stack([gaps, np.bincount(units, minlength=count)])

        def statistic(sums: FloatRows, counts: FloatRows) -> FloatRows:
            gap: FloatRows = np.abs(sums[:, :-1]).sum(axis=1) / sums[:, -1]
            return gap

        return replace(bootstrap_interval(wide, statistic, seed=_SEED), n=len(rows))

    return Metric("ece", observe, estimate, 2, higher_is_better=False, smooth=False)
