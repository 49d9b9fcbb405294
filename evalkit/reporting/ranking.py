"""Who is ahead of whom, and whether that can be said: rank intervals, tie groups, strengths, the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Rank:
    """A place among models: `low` to `high` are the ranks that the data leave open, `group` its tie group from 0."""

    model: int
    low: int
    high: int
    group: int


def rank(values: Sequence[float], differences: Matrix, errors: Matrix, *, alpha: float = ALPHA) -> list[Rank]:
    """Ranks of models by their values (larger is better), best first; models without a value are left out.

    `differences[i, j]` is i less j with the standard error `errors[i, j]`, paired where the samples are the same. A
    pair is told apart where its two-sided z test holds after Holm's correction over all pairs, at a family-wise error
    of `alpha`. A model's rank must be between 1 + the models shown to be better and the number of those not shown to be
    worse. A tie group begins with the best model left and takes those below it until one is told apart from it.
    """
    from evalkit.stats.multiple import holm

    order = sorted((i for i, v in enumerate(values) if math.isfinite(v)), key=lambda i: -values[i])
    pairs = [(i, j) for place, i in enumerate(order) for j in order[place + 1 :]]
    adjusted = holm([_p(float(differences[i, j]), float(errors[i, j])) for i, j in pairs])
    better = {(i, j) for (i, j), p in zip(pairs, adjusted, strict=True) if p <= alpha and differences[i, j] > 0}
    better |= {(j, i) for (i, j), p in zip(pairs, adjusted, strict=True) if p <= alpha and differences[i, j] < 0}
    found, leader, group = [], -1, -1
    for i in order:
        if leader < 0 or (leader, i) in better:
            leader, group = i, group + 1
        ahead = sum((j, i) in better for j in order)
        behind = sum((i, j) in better for j in order)
        found.append(Rank(i, 1 + ahead, len(order) - behind, group))
    return found


def _p(difference: float, error: float) -> float:
    """Two-sided; without a known error nothing is told apart."""
    if not (math.isfinite(difference) and math.isfinite(error)) or difference == 0.0:
        return 1.0
    return 0.0 if error == 0.0 else math.erfc(abs(difference) / error / math.sqrt(2.0))


def bradley_terry(wins: Matrix) -> list[float]:
    """Strengths of models, as log-odds with mean 0: P(i beats j) = 1 / (1 + exp(s_j - s_i)).

    `wins[i, j]` counts how often i beat j, a tie as half for both. Maximum likelihood by minorisation-maximisation
    (Hunter 2004, https://doi.org/10.1214/aos/1079120141). Half a win is added to either side of every pair that met,
    so that a model that won or lost everything has a finite strength. NaN for a model that met none.
    """
    import numpy as np

    met = (wins + wins.T) > 0
    smoothed = wins + 0.5 * met
    games = smoothed + smoothed.T
    playing = met.any(axis=1)
    strength = np.ones(len(wins))
    for _ in range(10_000):
        proportions = games / (strength[:, None] + strength[None, :])
        new = np.where(playing, smoothed.sum(axis=1) / np.where(playing, proportions.sum(axis=1), 1.0), 1.0)
        new /= np.exp(np.log(new[playing]).mean()) if playing.any() else 1.0
        moved = np.abs(np.log(new[playing] / strength[playing])).max(initial=0.0)
        strength = np.where(playing, new, 1.0)
        if moved < 1e-12:
            break
    return [float(value) for value in np.where(playing, np.log(strength), math.nan)]


def pareto(points: Sequence[tuple[float, float]]) -> list[int]:
    """Which (price, quality) no other beats: none is at most as dear and at least as good, and better in one of both.

    In the order of the price. Points with a number that is not finite are left out.
    """
    usable = [i for i, point in enumerate(points) if all(map(math.isfinite, point))]
    front = [
        i
        for i in usable
        if not any(
            points[j][0] <= points[i][0] and points[j][1] >= points[i][1] and points[j] != points[i] for j in usable
        )
    ]
    return sorted(front, key=lambda i: points[i])
