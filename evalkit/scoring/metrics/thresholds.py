"""The best that a threshold on a probability could make of a score: answer below it, say nothing above it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.core import Estimate, Metric, Record
from evalkit.scoring.metrics.means import measured

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

_GRID = 200
_SEED = 1


def best_by_threshold(score: str, silent: str, probability: str, *, name: str) -> Metric:
    """The largest mean over thresholds t: a sample counts `score` where its `probability` is at most t, else `silent`.

    SQuAD 2.0's best_exact and best_f1: `silent` is what saying nothing would score (1 where there is no answer), and
    the probability that of there being none. Chosen on the very samples it is reported for, the value flatters. The
    official script moves the threshold past one sample at a time, also between samples of equal probability, where
    no threshold is; here they move together.

    The row is (score, silent, probability). The interval is bootstrapped over clusters, the threshold chosen anew in
    every resample among at most 200 of the values.
    """

    def observe(record: Record) -> tuple[float, float, float] | None:
        found = tuple(measured(record, part) for part in (score, silent, probability))
        return None if None in found else found  # type: ignore[return-value]

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        import numpy as np

        from evalkit.stats import bootstrap_interval

        if len(rows) == 0:
            return Estimate(np.nan, np.nan, np.nan, 0, "n=0")
        levels = np.unique(rows[:, 2])
        if len(levels) > _GRID:
            levels = np.unique(np.quantile(rows[:, 2], np.linspace(0, 1, _GRID), method="nearest"))
        # One column for every threshold, and a first one for a threshold below all.
        answered = rows[:, 2][:, None] <= np.concatenate([[-np.inf], levels])[None, :]
        table = np.where(answered, rows[:, 0][:, None], rows[:, 1][:, None])
        found = bootstrap_interval(
            table, lambda sums, counts: sums.max(axis=1) / counts, clusters, seed=_SEED, resamples=1000, pushed=True
        )
        return replace(found, value=_best(rows), how=f"{found.how}, best threshold")

    return Metric(name, observe, estimate, width=3, smooth=False)


def _best(rows: FloatRows) -> float:
    """The exact maximum: gains are summed in the order of the probability, equal ones together."""
    import numpy as np

    _, place = np.unique(rows[:, 2], return_inverse=True)
    gains = np.bincount(place, weights=rows[:, 0] - rows[:, 1])
    return float(rows[:, 1].sum() + max(0.0, float(np.cumsum(gains).max()))) / len(rows)
