"""How often the intervals of judging hold the truth: κ, α, corrected shares, win rates, Bradley–Terry strengths, ranks.

    python benchmarks/judging_coverage.py [DRAWS] [agreement|labels|rates|strengths …]

Every draw is a new data set of known truth; 10,000 of them measure 95 % to within 0.4. What depends on a table of
counts alone is computed once for each table; all of it takes about 15 minutes of one core, strengths ten of them.
"""

from __future__ import annotations

import argparse
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from evalkit.core import Estimate
from evalkit.stats import ppi
from evalkit.stats.agreement import cohen_kappa, krippendorff_alpha
from evalkit.stats.tournaments import Battles, bradley_terry, rate_interval, standing

# Items, share of ones, chance that a rater errs, clusters (0: none), chance that an item is as its cluster.
RATERS = (
    (100, 0.5, 0.2, 0, 0.0),
    (200, 0.5, 0.05, 0, 0.0),
    (400, 0.1, 0.05, 0, 0.0),
    (200, 0.5, 0.1, 50, 0.5),
    (400, 0.3, 0.1, 100, 0.8),
    (100, 0.1, 0.05, 0, 0.0),
    (50, 0.5, 0.1, 0, 0.0),
    (50, 0.1, 0.02, 0, 0.0),
    (30, 0.5, 0.1, 0, 0.0),
    (20, 0.5, 0.2, 0, 0.0),
)
# Labels, verdicts without a label, share of ones, chance that the judge errs.
LABELS = (
    (200, 2000, 0.5, 0.1),
    (100, 1000, 0.5, 0.2),
    (60, 500, 0.3, 0.3),
    (50, 500, 0.5, 0.1),
    (50, 500, 0.1, 0.05),
    (30, 300, 0.5, 0.05),
)
# Labels, grades without one (both from 1 to 5), chance that the judge is a grade too kind, chance of any grade at all.
GRADES = ((200, 2000, 0.3, 0.1), (100, 500, 0.2, 0.3), (50, 500, 0.5, 0.1), (30, 300, 0.1, 0.1), (20, 200, 0.05, 0.0))
# Questions, share of wins, share of ties, battles a question (alike in half of the questions).
RATES = (
    (50, 0.4, 0.2, 1),
    (100, 0.5, 0.3, 1),
    (800, 0.5, 0.4, 1),
    (100, 0.15, 0.2, 1),
    (100, 0.1, 0.1, 1),
    (400, 0.01, 0.03, 1),
    (50, 0.4, 0.2, 4),
    (200, 0.5, 0.3, 4),
    (100, 0.05, 0.05, 1),
    (50, 0.05, 0.02, 1),
    (30, 0.4, 0.3, 1),
    (20, 0.1, 0.1, 1),
    (30, 0.4, 0.2, 4),
)


@dataclass(frozen=True, slots=True)
class Tournament:
    """Strengths of the models, all pairs on every question; in a share `alike` of questions one coin decides all."""

    strengths: tuple[float, ...]
    questions: int
    ties: float = 0.0
    alike: float = 0.0


TOURNAMENTS = (
    Tournament((0.5, 0.0, -0.5), 50, alike=0.5),
    Tournament((0.5, 0.0, -0.5), 200, alike=0.5),
    Tournament((1.5, 0.7, 0.0, -0.7, -1.5), 100, 0.2, 0.3),
    Tournament((0.5, -0.5), 100, 0.2),
    Tournament((0.5, 0.0, -0.5), 20, alike=0.5),
    Tournament((1.2, -1.2), 100),
    Tournament((2.5, 0.0, -2.5), 60),
)


def agreement(rng: np.random.Generator, cell: tuple[int, float, float, int, float], draws: int) -> tuple[float, float]:
    """The shares of draws in which the intervals of κ and of α hold the truth."""
    n, share, error, clusters, alike = cell
    ones = share * (1 - error) + (1 - share) * error
    chance = ones**2 + (1 - ones) ** 2
    truth = ((1 - error) ** 2 + error**2 - chance) / (1 - chance)
    numbers = np.repeat(np.arange(clusters), n // clusters) if clusters else None
    held = np.zeros(2)
    for _ in range(draws):
        y = rng.random(n) < share
        if numbers is not None:
            y = np.where(rng.random(n) < alike, (rng.random(clusters) < share)[numbers], y)
        one, two = (np.asarray(y ^ (rng.random(n) < error), dtype=float) for _ in range(2))
        found = cohen_kappa(one, two, clusters=numbers), krippendorff_alpha(np.stack([one, two]), clusters=numbers)
        # All answers alike: neither has a value, nor an interval to be wrong.
        held += [math.isnan(each.value) or each.low <= truth <= each.high for each in found]
    return float(held[0] / draws), float(held[1] / draws)


def corrected(rng: np.random.Generator, cell: tuple[int, int, float, float], draws: int) -> tuple[float, float]:
    """The shares of draws in which a prediction-powered share holds the truth: λ = 1, and λ tuned."""
    labels, more, share, error = cell
    held = np.zeros(2)
    for _ in range(draws):
        y = rng.random(labels + more) < share
        f = np.asarray(y ^ (rng.random(labels + more) < np.where(y, error, error / 2)), dtype=float)
        people = y[:labels].astype(float)
        found = [ppi.ppi_mean(people, f[:labels], f[labels:], power=power) for power in (1.0, None)]
        held += [each.low <= share <= each.high for each in found]
    return float(held[0] / draws), float(held[1] / draws)


def graded(rng: np.random.Generator, cell: tuple[int, int, float, float], draws: int) -> float:
    """The share of draws in which a corrected mean grade holds the truth, λ tuned."""
    labels, more, kind, wild = cell
    shares = np.array([0.1, 0.2, 0.3, 0.25, 0.15])
    truth = float(shares @ np.arange(1, 6))
    held = 0
    for _ in range(draws):
        y: np.ndarray = rng.choice(5, labels + more, p=shares) + 1.0
        f = np.minimum(5.0, y + (rng.random(len(y)) < kind))
        f = np.where(rng.random(len(y)) < wild, rng.integers(1, 6, len(y)), f)
        found = ppi.ppi_mean(y[:labels], f[:labels], f[labels:], power=None)
        held += found.low <= truth <= found.high
    return held / draws


def rates(rng: np.random.Generator, cell: tuple[int, float, float, int], draws: int) -> float:
    """The share of draws in which the interval of a win rate holds the truth."""
    questions, wins, ties, battles = cell
    truth = wins + ties / 2.0
    held = 0
    for _ in range(draws):
        coin = rng.random((questions, battles))
        coin = np.where(rng.random((questions, 1)) < 0.5, coin[:, :1], coin)
        values = np.where(coin < wins, 1.0, np.where(coin < wins + ties, 0.5, 0.0))
        found = _rate(*_counts(values)) if battles == 1 else _clustered(values)
        held += found.low <= truth <= found.high
    return held / draws


def _counts(values: np.ndarray) -> tuple[int, int, int]:
    return int((values == 1.0).sum()), int((values == 0.5).sum()), int((values == 0.0).sum())


@functools.cache
def _rate(wins: int, ties: int, losses: int) -> Estimate:
    return rate_interval(np.repeat([1.0, 0.5, 0.0], [wins, ties, losses]))


def _clustered(values: np.ndarray) -> Estimate:
    return rate_interval(values.ravel(), np.repeat(np.arange(len(values)), values.shape[1]))


def strengths(rng: np.random.Generator, cell: Tournament, draws: int) -> tuple[float, float, float]:
    """Over draws, the share of strengths that their intervals hold, that of the model that is held least, and the
    share of true ranks between `rank` and `worst`."""
    theta, size = np.array(cell.strengths), len(cell.strengths)
    first, second = np.triu_indices(size, 1)
    chance = 1.0 / (1.0 + np.exp(theta[second] - theta[first]))
    expected = np.zeros((size, size))
    expected[first, second] = (1 - cell.ties) * chance + cell.ties / 2
    expected[second, first] = (1 - cell.ties) * (1 - chance) + cell.ties / 2
    truth = bradley_terry(expected)
    places = 1 + (truth[:, None] < truth[None, :] - 1e-9).sum(1)
    shape = (cell.questions, len(first))
    held, ranked = np.zeros(size), 0
    for _ in range(draws):
        coin = np.where(rng.random((shape[0], 1)) < cell.alike, rng.random((shape[0], 1)), rng.random(shape))
        value = np.where(rng.random(shape) < cell.ties, 0.5, (coin < chance).astype(float))
        battles = Battles(
            tuple(map(str, range(size))),
            np.tile(first, shape[0]),
            np.tile(second, shape[0]),
            value.ravel(),
            np.repeat(np.arange(shape[0]), shape[1]),
        )
        found, _ = standing(battles, resamples=400, seed=int(rng.integers(1 << 30)))
        for place in found:
            model = int(place.model)
            held[model] += place.strength.low <= truth[model] <= place.strength.high
            ranked += place.rank <= places[model] <= place.worst
    return float(held.mean() / draws), float(held.min() / draws), ranked / (draws * size)


def _remembered(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of arrays of 0 and 1, computed once for each table of counts."""
    known: dict[Any, Any] = {}

    def found(*arrays: Any, **settings: Any) -> Any:
        columns = [np.asarray(array) for array in arrays if array is not None and not isinstance(array, float)]
        if not all(np.isin(column, (0.0, 1.0)).all() for column in columns):
            return function(*arrays, **settings)
        code = sum(column.astype(int) << place for place, column in enumerate(columns))
        key = (tuple(np.bincount(code, minlength=4).tolist()), len(columns))
        if key not in known:
            known[key] = function(*arrays, **settings)
        return known[key]

    return found


def main() -> None:
    """Print a line a cell."""
    every = ("agreement", "labels", "rates", "strengths")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("draws", nargs="?", type=int, default=10_000)
    parser.add_argument("wanted", nargs="*", metavar="|".join(every), help="all of them by default")
    given = parser.parse_args()
    draws, wanted = given.draws, given.wanted or every
    rng = np.random.default_rng(1)
    # Without clusters both parts of a corrected share depend on counts alone.
    for name in ("mean_interval", "paired_interval"):
        setattr(ppi, name, _remembered(getattr(ppi, name)))
    for rated in RATERS if "agreement" in wanted else ():
        kappa, alpha = agreement(rng, rated, draws)
        print(f"raters {rated}: κ {kappa:.4f}, α {alpha:.4f}", flush=True)
    for labelled in LABELS if "labels" in wanted else ():
        plain, tuned = corrected(rng, labelled, draws)
        print(f"labels {labelled}: λ=1 {plain:.4f}, tuned {tuned:.4f}", flush=True)
    for grades in GRADES if "labels" in wanted else ():
        print(f"grades {grades}: {graded(rng, grades, draws):.4f}", flush=True)
    for rate in RATES if "rates" in wanted else ():
        print(f"win rate {rate}: {rates(rng, rate, draws):.4f}", flush=True)
    for cell in TOURNAMENTS if "strengths" in wanted else ():
        held, least, ranked = strengths(rng, cell, draws)
        print(f"{cell}: strengths {held:.4f}, least {least:.4f}; ranks {ranked:.4f}", flush=True)


if __name__ == "__main__":
    main()
