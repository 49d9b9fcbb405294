"""A model of right and wrong answers of two runs to the same questions, drawn thousands of data sets at a time.

Planning and the simulations of gates draw from it. The answers to one question are right with shares p and p - drop
and have correlation φ. Each sample of a cluster takes, with probability √icc, the answers that its cluster has in
common and else answers of its own: shares and φ stay what they are, and any two samples of a cluster have the same
answers with the intra-cluster correlation `icc`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from evalkit.stats.clusters import freedom
from evalkit.stats.moments import Moments

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray


@dataclass(frozen=True, slots=True)
class Answers:
    """Two runs' answers: the baseline is right with share `share`, the candidate with `share - drop`.

    `correlation` is φ between the two answers to a question, as far as the shares allow it. Clusters have `size`
    samples. Raises ValueError for values that no answers can have.
    """

    proportion: float
    drop: float = 0.0
    correlation: float = 0.0
    size: int = 1
    icc: float = 0.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.proportion <= 1.0 and 0.0 <= self.proportion - self.drop <= 1.0):
            raise ValueError(f"shares lie between 0 and 1, found {self.proportion} and {self.proportion - self.drop}")
        if not (-1.0 <= self.correlation <= 1.0 and 0.0 <= self.icc <= 1.0 and self.size >= 1):
            raise ValueError("correlations lie within [-1, 1], icc within [0, 1], and clusters have a sample at least")

    @property
    def cells(self) -> tuple[float, float, float, float]:
        """The probabilities of (right twice, right then wrong, wrong then right, wrong twice)."""
        before, after = self.proportion, self.proportion - self.drop
        both = before * after + self.correlation * math.sqrt(before * (1 - before) * after * (1 - after))
        both = min(max(both, before + after - 1.0, 0.0), before, after)
        return both, before - both, after - both, max(1.0 - before - after + both, 0.0)

    @property
    def design_effect(self) -> float:
        return 1.0 + (self.size - 1) * self.icc

    @property
    def deviation(self) -> float:
        """The standard deviation of one pair's difference."""
        _, losses, gains, _ = self.cells
        return math.sqrt(max(losses + gains - self.drop**2, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """Sums of `clusters` clusters of one size, for r data sets: `gains`, `losses`, Σ S_g² and Σ S_g³ (shape (r,))."""

    size: int
    clusters: int
    gains: FloatRows
    losses: FloatRows
    squares: FloatRows
    cubes: FloatRows

    def __add__(self, other: Draw) -> Draw:
        """More clusters of the same size for every data set."""
        return Draw(
            self.size,
            self.clusters + other.clusters,
            self.gains + other.gains,
            self.losses + other.losses,
            self.squares + other.squares,
            self.cubes + other.cubes,
        )


def draw(answers: Answers, clusters: int, sets: int, rng: np.random.Generator) -> Draw:
    """`sets` data sets of `clusters` clusters each.

    What a cluster's samples do has few outcomes (gains, losses), so a data set is one multinomial draw over them.
    """
    gains, losses, chances = _outcomes(answers)
    drawn = rng.multinomial(clusters, chances, size=sets).astype(np.float64)
    d = gains - losses
    return Draw(answers.size, clusters, drawn @ gains, drawn @ losses, drawn @ d**2, drawn @ d**3)


def draw_moments(answers: Answers, n: int, sets: int, rng: np.random.Generator) -> Moments:
    """The moments of `sets` data sets of n samples; the last cluster is smaller where the size does not divide n."""
    whole, rest = divmod(n, answers.size)
    parts = [draw(answers, whole, sets, rng)] if whole else []
    if rest:
        small = Answers(answers.proportion, answers.drop, answers.correlation, rest, answers.icc)
        parts.append(draw(small, 1, sets, rng))
    return moments_of(parts)


def moments_of(parts: list[Draw]) -> Moments:
    """The moments of data sets whose clusters have one size in every part."""
    n = sum(part.size * part.clusters for part in parts)
    gains = np.sum([part.gains for part in parts], axis=0)
    losses = np.sum([part.losses for part in parts], axis=0)
    mean = (gains - losses) / n
    spread, third = np.zeros_like(gains), np.zeros_like(gains)
    for part in parts:
        size, level, total = part.size, part.size * mean, part.gains - part.losses
        around = part.squares - 2.0 * level * total + level**2 * part.clusters
        spread += np.maximum(around, 0.0) / (1.0 - size / n) ** 2 if size < n else np.nan
        third += part.cubes - 3.0 * level * part.squares + 3.0 * level**2 * total - level**3 * part.clusters
    sizes = np.repeat([float(part.size) for part in parts], [part.clusters for part in parts])
    count, same = len(sizes), np.ones_like(gains)
    return Moments(
        n=same * n,
        gains=gains,
        losses=losses,
        single=np.maximum(gains + losses - n * mean**2, 0.0),
        spread=spread * (count - 1) / count,
        third=third,
        kish=same * float(sizes @ sizes) / n,
        freedom=same * (freedom(sizes) if count > 1 else np.nan),
        clusters=same * count,
        down=1.0,
        up=1.0,
        plain=count == n,
    )


def flips(answers: Answers, n: int, rng: np.random.Generator) -> tuple[FloatRows, FloatRows, IntArray]:
    """One data set sample by sample: the two runs' scores, and the cluster numbers, each of shape (n,)."""
    numbers = np.arange(n) // answers.size
    cells = np.array([(1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)])
    chances = np.array(answers.cells) / sum(answers.cells)
    shared = rng.choice(4, size=int(numbers.max()) + 1, p=chances)[numbers]
    picked = np.where(rng.random(n) < math.sqrt(answers.icc), shared, rng.choice(4, size=n, p=chances))
    return cells[picked, 0], cells[picked, 1], numbers


@lru_cache(maxsize=256)
def _outcomes(answers: Answers) -> tuple[FloatRows, FloatRows, FloatRows]:
    """(gains, losses, probability) of every outcome of one cluster."""
    from scipy import stats

    size = answers.size
    grid = np.array([(up, down) for up in range(size + 1) for down in range(size + 1 - up)], dtype=np.int64)
    gains, losses = grid[:, 0], grid[:, 1]
    _, loss, gain, _ = answers.cells
    rest = max(1.0 - loss - gain, 0.0)
    chances = np.zeros(len(grid))
    for sharing, weight in enumerate(stats.binom.pmf(np.arange(size + 1), size, math.sqrt(answers.icc))):
        alone = size - sharing
        if sharing == 0:
            chances += weight * _trinomial(gains, losses, alone, gain, loss)
            continue
        chances += weight * gain * _trinomial(gains - sharing, losses, alone, gain, loss)
        chances += weight * loss * _trinomial(gains, losses - sharing, alone, gain, loss)
        chances += weight * rest * _trinomial(gains, losses, alone, gain, loss)
    return gains.astype(np.float64), losses.astype(np.float64), chances / chances.sum()


def _trinomial(gains: IntArray, losses: IntArray, n: int, gain: float, loss: float) -> FloatRows:
    from scipy import special

    rest = n - gains - losses
    possible = (gains >= 0) & (losses >= 0) & (rest >= 0)
    counts = [np.where(possible, value, 0).astype(np.float64) for value in (gains, losses, rest)]
    logs = special.gammaln(n + 1.0) - sum(special.gammaln(count + 1.0) for count in counts)
    for count, chance in zip(counts, (gain, loss, max(1.0 - gain - loss, 0.0)), strict=True):
        logs = logs + special.xlogy(count, chance)
    return np.where(possible, np.exp(logs), 0.0)
