"""The best that a threshold on a probability could make of a score: answer below it, say nothing above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.core import Estimate, Metric, Record
from evalkit.scoring.metrics.means import measured

if TYPE_CHECKING:
    from evalkit.core import Ends, FloatRows, IntArray

_GRID = 200
_FOLDS = 5
_SEED = 1


def best_by_threshold(score: str, silent: str, probability: str, *, name: str) -> Metric:
    """The largest mean over thresholds t: a sample counts `score` where its `probability` is at most t, else `silent`.

    SQuAD 2.0's best_exact and best_f1: `silent` is what saying nothing would score (1 where there is no answer), and
    the probability that of there being none. Chosen on the very samples it is reported for, the value flatters. The
    official script moves the threshold past one sample at a time, also between samples of equal probability, where
    no threshold is; here they move together.

    The row is (score, silent, probability). The value is of the threshold that is best on these very samples, which
    flatters where they are few. So the interval's lower end is that of a mean in which each fifth of the clusters has
    the threshold that is best on the others; its upper end is that of the best threshold.
    """

    def observe(record: Record) -> tuple[float, float, float] | None:
        found = tuple(measured(record, part) for part in (score, silent, probability))
        return None if None in found else found  # type: ignore[return-value]

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        import numpy as np

        from evalkit.stats.bootstrap import FEWEST, is_values_only, too_few
        from evalkit.stats.clusters import renumber
        from evalkit.stats.intervals import mean_interval

        n = len(rows)
        if n == 0:
            return Estimate(np.nan, np.nan, np.nan, 0, "n=0")
        value = _best(rows)
        numbers, count = renumber(clusters, n)
        if is_values_only() or count < FEWEST:
            return Estimate(value, np.nan, np.nan, n, "value only" if is_values_only() else too_few(count, n))
        table = _by_threshold(rows)
        numbers = np.arange(n) if numbers is None else numbers
        fold = (np.random.default_rng(_SEED).permutation(count) % _FOLDS)[numbers]
        elsewhere = [int(np.argmax(table[fold != one].sum(axis=0))) for one in range(_FOLDS)]
        chosen = table[np.arange(n), np.asarray(elsewhere)[fold]]
        inside = float(table.min()) >= 0.0 and float(table.max()) <= 1.0
        ends: Ends = (0.0, 1.0) if inside else (None, None)
        least = mean_interval(chosen, clusters, ends=ends)
        most = mean_interval(table[:, int(np.argmax(table.sum(axis=0)))], clusters, ends=ends)
        how = f"{most.how}, best threshold, chosen on other samples for the lower end"
        return Estimate(value, min(least.low, value), max(most.high, value), n, how)

    return Metric(name, observe, estimate, width=3, jackknife="none")


def _by_threshold(rows: FloatRows) -> FloatRows:
    """Every sample's score with every threshold, a first one below all; at most 200 of the values are thresholds."""
    import numpy as np

    levels = np.unique(rows[:, 2])
    if len(levels) > _GRID:
        levels = np.unique(np.quantile(rows[:, 2], np.linspace(0, 1, _GRID), method="nearest"))
    answered = rows[:, 2][:, None] <= np.concatenate([[-np.inf], levels])[None, :]
    return np.where(answered, rows[:, 0][:, None], rows[:, 1][:, None])


def _best(rows: FloatRows) -> float:
    """The exact maximum: gains are summed in the order of the probability, equal ones together."""
    import numpy as np

    _, place = np.unique(rows[:, 2], return_inverse=True)
    gains = np.bincount(place, weights=rows[:, 0] - rows[:, 1])
    return float(rows[:, 1].sum() + max(0.0, float(np.cumsum(gains).max()))) / len(rows)
