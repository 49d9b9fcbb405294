"""How well one score of a sample goes with another: correlations, and the area under the ROC curve."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from evalkit.core import Estimate, Metric, Record
from evalkit.scoring.metrics.means import measured

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray


def spearman(*, score: str = "cosine", reference: str = "reference", name: str = "spearman") -> Metric:
    """Spearman's rank correlation of two scores over samples (-1 to 1; ties at their middle rank).

    NaN where one of them does not vary. The interval is t over clusters on Fisher's scale. Rows are (score, reference).
    """

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        from evalkit.stats import correlations

        return correlations.spearman(rows[:, 0], rows[:, 1], clusters)

    return _paired(name, score, reference, estimate)


def pearson(*, score: str = "cosine", reference: str = "reference", name: str = "pearson") -> Metric:
    """Pearson's correlation of two scores over samples (-1 to 1), as `spearman`."""

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        from evalkit.stats import correlations

        return correlations.pearson(rows[:, 0], rows[:, 1], clusters)

    return _paired(name, score, reference, estimate)


def auroc(*, score: str, label: str = "label", name: str = "auroc") -> Metric:
    """The area under the ROC curve of a score that should be higher where the score `label` is 1 than where it is 0.

    NaN where all samples are of one kind. The interval is the score interval over clusters. Rows are (score, label).
    """

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        from evalkit.stats import correlations

        return correlations.auroc(rows[:, 0], (rows[:, 1] > 0.5).astype("f8"), clusters)

    return _paired(name, score, label, estimate, lowest=0.0)


def _paired(
    name: str, score: str, other: str, estimate: Callable[[FloatRows, IntArray], Estimate], *, lowest: float = -1.0
) -> Metric:
    def observe(record: Record) -> tuple[float, float] | None:
        one, two = measured(record, score), measured(record, other)
        return None if one is None or two is None else (one, two)

    return Metric(name, observe, estimate, width=2, scale="number", ends=(lowest, 1.0), jackknife="leverage")
