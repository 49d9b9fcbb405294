"""Data sets of two runs' graded scores that are drawn from the scores of one: what a plan expects of a gate on them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evalkit.stats.clusters import freedom
from evalkit.stats.moments import Moments

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

_CELLS = 2_000_000
_LEVELS = 200
"""More different scores than this are taken as as many quantiles of theirs."""


def unchanged(values: FloatRows, correlation: float) -> tuple[FloatRows, FloatRows]:
    """Differences of two runs of one model, and their probabilities: a share `correlation` of the samples keep their
    score, the others have one that is drawn anew from `values`, so that the runs correlate that far."""
    if len(np.unique(values)) > _LEVELS:
        values = np.quantile(values, (np.arange(_LEVELS) + 0.5) / _LEVELS)
    levels, counts = np.unique(values, return_counts=True)
    chances = counts / counts.sum()
    differences = (levels[None, :] - levels[:, None]).ravel()
    joint = (1.0 - correlation) * (chances[:, None] * chances[None, :]).ravel()
    found, places = np.unique(np.concatenate([[0.0], differences]), return_inverse=True)
    chance: FloatRows = np.bincount(places, weights=np.concatenate([[correlation], joint])).astype(np.float64)
    return found, chance


def symmetric(differences: FloatRows) -> tuple[FloatRows, FloatRows]:
    """The differences that were seen, each as often with the other sign: as they would be had nothing changed."""
    found, counts = np.unique(np.concatenate([differences, -differences]), return_counts=True)
    return found, counts / counts.sum()


def draw_differences(
    kinds: tuple[FloatRows, FloatRows],
    sizes: Sequence[int],
    icc: float,
    sets: int,
    reach: float,
    rng: np.random.Generator,
) -> Moments:
    """The moments of `sets` data sets whose clusters have these sizes. Samples of a cluster share one difference with
    probability √icc each, so that icc is their intra-cluster correlation. `reach` is the largest difference there can
    be."""
    parts = [_part(each, sizes) for each in _drawn(kinds, np.asarray(sizes), icc, sets, rng)]
    whole = [np.concatenate([part[place] for part in parts]) for place in range(5)]
    gains, losses, single, spread, third = whole
    same, n, count = np.ones_like(gains), float(sum(sizes)), len(sizes)
    weights = np.asarray(sizes, dtype=np.float64)
    return Moments(
        n=same * n,
        gains=gains,
        losses=losses,
        single=single,
        spread=spread,
        third=third,
        kish=same * float(weights @ weights) / n,
        freedom=same * (freedom(weights) if count > 1 else math.nan),
        clusters=same * count,
        down=reach,
        up=reach,
        plain=False,
    )


def _drawn(
    kinds: tuple[FloatRows, FloatRows], sizes: IntArray, icc: float, sets: int, rng: np.random.Generator
) -> Iterator[FloatRows]:
    """Differences of shape (r, n), a part of the data sets at a time."""
    levels, chances = kinds
    edges = np.cumsum(chances) / float(np.sum(chances))
    numbers = np.repeat(np.arange(len(sizes)), sizes)
    chunk = max(1, _CELLS // len(numbers))
    for start in range(0, sets, chunk):
        size = min(chunk, sets - start)
        own = levels[np.minimum(np.searchsorted(edges, rng.random((size, len(numbers)))), len(levels) - 1)]
        if icc > 0.0 and len(sizes) < len(numbers):
            common = levels[np.minimum(np.searchsorted(edges, rng.random((size, len(sizes)))), len(levels) - 1)]
            own = np.where(rng.random(own.shape) < math.sqrt(icc), common[:, numbers], own)
        yield own


def _part(d: FloatRows, sizes: Sequence[int]) -> tuple[FloatRows, ...]:
    n, count = d.shape[1], len(sizes)
    weights, starts = np.asarray(sizes, dtype=np.float64), np.concatenate([[0], np.cumsum(sizes)[:-1]])
    mean = d.mean(axis=1)
    deviations = np.add.reduceat(d, starts, axis=1) - weights * mean[:, None]
    scaled = deviations / np.where(weights < n, 1.0 - weights / n, np.nan)
    spread = (count - 1) / count * (scaled**2).sum(axis=1)
    single = ((d - mean[:, None]) ** 2).sum(axis=1)
    gains, losses = np.maximum(d, 0.0).sum(axis=1), np.maximum(-d, 0.0).sum(axis=1)
    return gains, losses, single, spread, (deviations**3).sum(axis=1)
