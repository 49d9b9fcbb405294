"""The sign-flip test: whether a mean difference is zero, with nothing assumed but symmetry about zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.stats.clusters import renumber, sums

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

MOST_EXACT = 16
"""With at most this many clusters that differ, all 2^G signs are tried instead of random ones."""
_CHUNK_CELLS = 4_000_000


def sign_flip(differences: FloatRows, clusters: IntArray | None = None, *, seed: int, flips: int = 10_000) -> float:
    """The two-sided p of a mean of 0 for paired differences of shape (n,): how often other signs reach as far.

    If the two runs are exchangeable, each difference could as well have had the other sign; samples of one cluster
    change it together. Exact for at most 16 clusters that differ; else (reached + 1)/(flips + 1) over seeded random
    signs (Phipson & Smyth 2010). 1 where nothing differs.
    """
    numbers, count = renumber(clusters, len(differences))
    totals = sums(np.asarray(differences, dtype=np.float64), numbers, count)
    totals = totals[totals != 0.0]
    if len(totals) == 0:
        return 1.0
    # Sums of the same numbers in another order differ in their last digits.
    reach = abs(float(totals.sum())) - 1e-9 * float(np.abs(totals).sum())
    if len(totals) <= MOST_EXACT:
        bits = np.arange(2 ** len(totals))[:, None] >> np.arange(len(totals)) & 1
        return float((np.abs((2.0 * bits - 1.0) @ totals) >= reach).mean())
    rng = np.random.default_rng(seed)
    reached, chunk = 0, max(1, _CHUNK_CELLS // len(totals))
    for start in range(0, flips, chunk):
        signs = 2.0 * rng.integers(2, size=(min(chunk, flips - start), len(totals))) - 1.0
        reached += int((np.abs(signs @ totals) >= reach).sum())
    return (reached + 1) / (flips + 1)
