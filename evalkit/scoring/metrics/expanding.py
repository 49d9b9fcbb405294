"""Rows of (which column, how much) made into wide ones that can be summed, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

MOST_UNITS = 10_000


def units_of(clusters: IntArray, seed: int) -> tuple[IntArray, int]:
    """A unit to resample for each sample, 0…U-1, and U: its cluster, or a random group of clusters where many.

    Groups of independent clusters are independent too (the random groups method, Wolter 2007, ch. 2), so that a
    million samples need no more rows than ten thousand do.
    """
    _, numbers = np.unique(clusters, return_inverse=True)
    count = int(numbers.max()) + 1 if len(numbers) else 0
    if count <= MOST_UNITS:
        return numbers.astype(np.int64), count
    place = np.random.default_rng(seed).permutation(count)
    return (place[numbers] * MOST_UNITS // count).astype(np.int64), MOST_UNITS


def spread_out(columns: IntArray, amounts: FloatRows, units: IntArray, shape: tuple[int, int]) -> FloatRows:
    """The amounts summed by unit and column into an array of `shape` (units, columns); a column below 0 is dropped."""
    kept = columns >= 0
    cells = units[kept] * shape[1] + columns[kept]
    summed = np.bincount(cells, weights=amounts[kept], minlength=shape[0] * shape[1])
    return summed.reshape(shape).astype(np.float64, copy=False)
