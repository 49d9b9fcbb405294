"""Any number that a function makes of the values of one score, such as their median."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from evalkit.core import Estimate, Metric, Record, UsageError
from evalkit.scoring.metrics.means import measured

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

_SEED = 1
_MOST_RESAMPLES, _FEWEST_RESAMPLES = 1000, 200
_MOST_VALUES = 20_000_000
"""That a function is handed over all resamples: a few seconds of Python's own work."""


def of_values(
    name: str,
    score: str,
    compute: Callable[[Sequence[float]], float],
    *,
    higher_is_better: bool = True,
    source: str = "",
) -> Metric:
    """What `compute` makes of the values of the score of that name, one a sample that has it.

    The interval is the bootstrap's over clusters, 1,000 times and fewer for large data (see `stats.resampled`): nothing
    is known of the function, so no jackknife is. Where it raises UsageError or returns no number, the value is NaN and
    `how` says why.
    """

    def observe(record: Record) -> tuple[float] | None:
        value = measured(record, score)
        return None if value is None else (value,)

    def computed(values: Sequence[float]) -> float:
        made: object = compute(values)
        if isinstance(made, bool) or not isinstance(made, int | float) or not math.isfinite(made):
            raise UsageError(f"it returned no number but {type(made).__name__}: {made!r:.60}")
        return float(made)

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        import numpy as np

        from evalkit.stats.bootstrap import resampled

        if len(rows) == 0:
            return Estimate(math.nan, math.nan, math.nan, 0, "n=0")
        _, unit_of = np.unique(clusters, return_inverse=True)
        count = int(unit_of.max()) + 1

        def of_times(times: FloatRows) -> FloatRows:
            drawn = (np.repeat(rows[:, 0], one[unit_of].astype(np.int64)).tolist() for one in times)
            return np.array([computed(values) if values else math.nan for values in drawn])

        resamples = max(_FEWEST_RESAMPLES, min(_MOST_RESAMPLES, _MOST_VALUES // len(rows)))
        how = "bootstrap" if count == len(rows) else f"bootstrap, {count} clusters"
        try:
            return resampled(
                of_times, count, len(rows), how, without=None, seed=_SEED, resamples=resamples, confidence=0.95
            )
        except UsageError as error:  # every sample was asked and scored by now: that must not be lost
            return Estimate(math.nan, math.nan, math.nan, len(rows), f"not known: {error.wrong} {error.at}".strip())

    return Metric(
        name, observe, estimate, higher_is_better=higher_is_better, scale="number", jackknife="none", source=source
    )
