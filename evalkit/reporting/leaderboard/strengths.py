"""Bradley–Terry strengths of a leaderboard's models with how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evalkit.reporting.ranking import bradley_terry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]


def scatter_of_wins(values: Matrix, clusters: NDArray[np.int64]) -> Matrix:
    """How the models' wins vary together: Σ (w - w̄)(w - w̄)ᵀ over samples, of shape (k, k).

    w has every model's wins over all others on one sample, ties as halves, added up within clusters. `values` (k, n)
    are what the models scored, NaN where there is none: only samples that all have count.
    """
    import numpy as np

    there = np.isfinite(values).all(0)
    values, clusters = values[:, there], clusters[there]
    wins = np.array([(one > values).sum(0) + 0.5 * ((one == values).sum(0) - 1) for one in values])
    if wins.shape[1] < 2:
        return np.zeros((len(values), len(values)))
    wins = wins - wins.mean(1, keepdims=True)
    _, places = np.unique(clusters, return_inverse=True)
    sums = np.zeros((places.max() + 1, len(values)))
    np.add.at(sums, places, wins.T)
    found: Matrix = sums.T @ sums * (len(sums) / max(1, len(sums) - 1))
    return found


def strengths_of(wins: Sequence[Matrix], scatter: Sequence[Matrix], size: int) -> tuple[list[float], list[float]]:
    """(log-odds with mean 0, their standard errors) of `size` models over the tasks whose tables these are.

    The errors are the sandwich's: J⁺ B J⁺, where J is the information of the likelihood and B how the wins vary over
    samples or clusters of them, which also holds where a sample is hard for all models alike. Tasks are independent.
    """
    import numpy as np

    table = sum(wins, np.zeros((size, size)))
    theta = np.array(bradley_terry(table))
    if not np.isfinite(theta).all() or size < 2:
        return theta.tolist(), [float("nan")] * size
    smoothed = table + 0.5 * ((table + table.T) > 0)
    chances = 1.0 / (1.0 + np.exp(theta[None, :] - theta[:, None]))
    weights = (smoothed + smoothed.T) * chances * (1.0 - chances)
    inverse = np.linalg.pinv(np.diag(weights.sum(1)) - weights)
    spread = inverse @ sum(scatter, np.zeros((size, size))) @ inverse
    return theta.tolist(), np.sqrt(np.maximum(np.diag(spread), 0.0)).tolist()
