"""Tests by name, for comparison with what others report: McNemar's χ², Kendall's τ, approximate randomisation.

Decisions of evalkit's rest on intervals (`stats.paired`); these are for tables that ask for one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core import UsageError

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

TRIALS = 10_000
_CELLS = 4_000_000


def mcnemar_chi2(gains: int, losses: int, *, corrected: bool = True) -> tuple[float, float]:
    """(χ² of one degree of freedom, p) of McNemar's test; `corrected` by Edwards' 1 (1948). (0, 1) where none differ.

    With fewer than 25 that differ the exact test is the right one (`stats.exact.mcnemar_exact`). Raises UsageError for
    counts below 0.
    """
    from scipy.stats import chi2

    if min(gains, losses) < 0:
        raise UsageError("counts are 0 or more", found=f"gains={gains}, losses={losses}")
    if gains + losses == 0:
        return 0.0, 1.0
    apart = max(0.0, abs(gains - losses) - (1.0 if corrected else 0.0))
    statistic = apart**2 / (gains + losses)
    return statistic, float(chi2.sf(statistic, 1))


def kendall_tau(one: Sequence[float] | FloatRows, two: Sequence[float] | FloatRows) -> tuple[float, float]:
    """(τ-b, p two-sided) of two rows of n values (Kendall 1945); NaN where one of them does not vary."""
    from scipy.stats import kendalltau

    found = kendalltau(one, two)
    return float(found.statistic), float(found.pvalue)


def approximate_randomisation(
    one: FloatRows | Sequence[float],
    two: FloatRows | Sequence[float],
    of: Callable[[FloatRows], FloatRows] | None = None,
    *,
    clusters: IntArray | Sequence[int] | None = None,
    trials: int = TRIALS,
    seed: int = 1,
) -> float:
    """The two-sided p of a difference when each sample's two sides change places by the toss of a coin (Riezler &
    Maxwell 2005), as sacrebleu's paired AR counts it: (trials as far apart as what was seen + 1) / (trials + 1).

    `one` and `two` are scores of shape (n,), compared by their means; or counts of shape (n, k), whose sums of shape
    (m, k) `of` turns into m values of a corpus metric. Samples of one cluster are exchanged together. Raises UsageError
    where the two are not of one shape.
    """
    a, b = (np.asarray(side, dtype=np.float64) for side in (one, two))
    if a.shape != b.shape or not len(a):
        raise UsageError("both sides have a value for the same samples", found=f"shapes {a.shape} and {b.shape}")
    a, b = (side[:, None] if side.ndim == 1 else side for side in (a, b))
    groups = np.arange(len(a)) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    count = int(groups.max()) + 1
    left, right = np.zeros((2, count, a.shape[1]))
    np.add.at(left, groups, a)
    np.add.at(right, groups, b)
    value = of or (lambda sums: sums[:, 0] / len(a))
    seen = abs(value(left.sum(0)[None])[0] - value(right.sum(0)[None])[0])
    rng, apart, done = np.random.default_rng(seed), 0, 0
    while done < trials:
        size = min(trials - done, max(1, _CELLS // max(1, count)))
        moved = rng.integers(2, size=(size, count)).astype(np.float64) @ (right - left)
        drawn = value(left.sum(0) + moved) - value(right.sum(0) - moved)
        # What is as far apart but for rounding is as far apart.
        apart += int((np.abs(drawn) >= seen - 1e-12 * max(1.0, seen)).sum())
        done += size
    return (apart + 1) / (trials + 1)
