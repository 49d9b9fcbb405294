"""Sums over clusters, which are independent where samples of one are not: what their spread says, and how surely."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

_NEARLY_ALL = 1.0 - 1e-9
"""A cluster with a larger part of all weight leaves nothing to compare it with."""


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


@dataclass(frozen=True, slots=True)
class Spread:
    """What `count` clusters say of the mean Σ totals / Σ weights, which is `value`. Weights sum to the `n` samples.

    `variance` is n² times that of the mean, by the jackknife over clusters: (G-1)/G · Σ (S_g - m_g·value)²/(1 -
    m_g/n)² (CR3; Cameron & Miller 2015). `third` is Σ (S_g - m_g·value)³. `freedom` are its degrees of freedom, `kish`
    is Σm²/n: the design effect where all of a cluster are alike. NaN where one cluster has all the weight.
    """

    value: float
    n: float
    variance: float
    third: float
    freedom: float
    kish: float
    count: int

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return math.sqrt(self.variance) / self.n


def spread(totals: FloatRows, weights: FloatRows, n: int, *, working: int = 1) -> Spread:
    """The spread of a mean over clusters, from their sums and weights (both of shape (G,)), G > 0.

    `working` says what degrees of freedom take the variance of a cluster's sum to grow with: its weight (1: samples are
    independent), or the square of its weight (2: a cluster has one level, as a document has one perplexity).
    """
    scale = n / float(weights.sum())
    sizes, count = weights * scale, len(totals)
    value = float(totals.sum()) * scale / n
    deviations = totals * scale - sizes * value
    kish = float(sizes @ sizes) / n
    if count < 2 or float(sizes.max()) > _NEARLY_ALL * n:
        return Spread(value, float(n), math.nan, math.nan, math.nan, kish, count)
    scaled = deviations / (1.0 - sizes / n)
    variance = (count - 1) / count * float(scaled @ scaled)
    # What rounding leaves of a constant is not a variation.
    size = float(np.abs(totals).max()) * scale
    variance = 0.0 if variance <= count * (1e-12 * size) ** 2 else variance
    third = float((deviations**3).sum())
    return Spread(value, float(n), variance, third, freedom(sizes, working=working), kish, count)


def freedom(sizes: FloatRows, *, working: int = 1) -> float:
    """Degrees of freedom of the jackknife's variance over clusters of these sizes (Bell & McCaffrey 2002).

    With Ω the covariance of the scaled deviations under the working model they are tr(Ω)²/tr(Ω²): G - 1 for clusters of
    one size, fewer the more unlike the sizes are. 1 at least.
    """
    shares = np.asarray(sizes, dtype=np.float64) / float(np.sum(sizes))
    scale = 1.0 / (1.0 - shares)
    spreads = shares**working
    # Ω = A(I - m1')D(I - 1m')A with shares m, A = diag(scale) and D = diag(spreads): diagonal, and of rank two.
    total = float(spreads.sum())
    diagonal = scale**2 * spreads
    one, two = scale * shares, scale * spreads
    trace = float(diagonal.sum() - 2.0 * (one @ two) + total * (one @ one))
    square = float((diagonal**2).sum())
    # tr of (D' - uv' - vu' + t·uu')² with u = one and v = two.
    uu, vv, uv = float(one @ one), float(two @ two), float(one @ two)
    du, duv = float(diagonal @ one**2), float(diagonal @ (one * two))
    cross = 2.0 * total * du - 4.0 * duv
    rest = 2.0 * uv**2 + 2.0 * uu * vv - 4.0 * total * uu * uv + total**2 * uu**2
    return max(1.0, trace**2 / (square + cross + rest))
