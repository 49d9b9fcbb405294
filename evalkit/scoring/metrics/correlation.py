"""How well one score of a sample goes with another: correlations, and the area under the ROC curve."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from evalkit.core import Estimate, Metric, Record
from evalkit.scoring.metrics.means import measured

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray
    from evalkit.stats.weighted import Weighted

_SEED = 20_260


def spearman(*, score: str = "cosine", reference: str = "reference", name: str = "spearman") -> Metric:
    """Spearman's rank correlation of two scores over samples (-1 to 1; ties at their middle rank).

    NaN where one of them does not vary. The interval is a bootstrap over clusters. Rows are (score, reference).
    """

    def make(x: FloatRows, y: FloatRows) -> Weighted:
        from evalkit.stats import weighted

        return weighted.spearman(x, y)

    return _paired(name, score, reference, make)


def pearson(*, score: str = "cosine", reference: str = "reference", name: str = "pearson") -> Metric:
    """Pearson's correlation of two scores over samples (-1 to 1), as `spearman`."""

    def make(x: FloatRows, y: FloatRows) -> Weighted:
        from evalkit.stats import weighted

        return weighted.pearson(x, y)

    return _paired(name, score, reference, make)


def auroc(*, score: str, label: str = "label", name: str = "auroc") -> Metric:
    """The area under the ROC curve of a score that should be higher where the score `label` is 1 than where it is 0.

    NaN where all samples are of one kind. The interval is a bootstrap over clusters. Rows are (score, label).
    """

    def make(x: FloatRows, y: FloatRows) -> Weighted:
        from evalkit.stats import weighted

        return weighted.auroc(x, (y > 0.5).astype("f8"))

    return _paired(name, score, label, make, lowest=0.0)


def _paired(
    name: str, score: str, other: str, make: Callable[[FloatRows, FloatRows], Weighted], *, lowest: float = -1.0
) -> Metric:
    def observe(record: Record) -> tuple[float, float] | None:
        one, two = measured(record, score), measured(record, other)
        return None if one is None or two is None else (one, two)

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        from evalkit.stats.weighted import weighted_interval

        if len(rows) == 0:
            return Estimate(math.nan, math.nan, math.nan, 0, "n=0")
        return weighted_interval(make(rows[:, 0], rows[:, 1]), len(rows), clusters, seed=_SEED)

    return Metric(name, observe, estimate, width=2, scale="number", ends=(lowest, 1.0), smooth=False)
