"""Elo ratings: every comparison moves two numbers, so the order of comparisons matters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray
    from evalkit.stats.tournaments.battles import Battles


def elo(
    battles: Battles, *, k: float = 4.0, scale: float = 400.0, start: float = 1000.0, shuffles: int = 0, seed: int = 1
) -> FloatRows:
    """Ratings of shape (k,) after all battles in their order, or the mean over `shuffles` random orders.

    After each, the first gains k·(value - 1 / (1 + 10^((R_second - R_first) / scale))) and the second loses as much.
    """
    if not shuffles:
        return _once(battles, np.arange(len(battles.value)), k, scale, start)
    rng = np.random.default_rng(seed)
    runs = [_once(battles, rng.permutation(len(battles.value)), k, scale, start) for _ in range(shuffles)]
    mean: FloatRows = np.mean(runs, axis=0)
    return mean


def _once(battles: Battles, order: IntArray, k: float, scale: float, start: float) -> FloatRows:
    ratings = [start] * len(battles.models)
    first, second, value = (column[order].tolist() for column in (battles.first, battles.second, battles.value))
    for one, two, won in zip(first, second, value, strict=True):
        change = k * (won - 1.0 / (1.0 + 10.0 ** ((ratings[two] - ratings[one]) / scale)))
        ratings[one] += change
        ratings[two] -= change
    return np.array(ratings)
