"""Sums over clusters: samples of one cluster are not independent, clusters are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray


def renumber(clusters: IntArray | None, n: int) -> tuple[IntArray | None, int]:
    """Cluster numbers 0…G-1 in place of any integers, and G; (None, n) where every sample is its own cluster.

    Raises ValueError where there are not as many cluster numbers as samples.
    """
    if clusters is None:
        return None, n
    if len(clusters) != n:
        raise ValueError(f"{len(clusters)} cluster numbers for {n} samples")
    if n == 0:
        return None, 0
    low, high = int(clusters.min()), int(clusters.max())
    if low >= 0 and high < 4 * n:
        # Small numbers, as the runner gives them, need no sort.
        present = np.bincount(clusters, minlength=high + 1) > 0
        count = int(present.sum())
        numbers = (np.cumsum(present) - 1)[clusters]
    else:
        found, numbers = np.unique(clusters, return_inverse=True)
        count = len(found)
    return (None, n) if count == n else (numbers.astype(np.int64), count)


def sums(rows: FloatRows, clusters: IntArray | None, count: int) -> FloatRows:
    """Rows of shape (n,) or (n, width), summed to (count,) or (count, width) by cluster."""
    if clusters is None:
        return rows
    if rows.ndim == 1:
        return np.bincount(clusters, weights=rows, minlength=count).astype(np.float64, copy=False)
    return np.stack([sums(column, clusters, count) for column in rows.T], axis=1)
