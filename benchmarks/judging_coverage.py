"""How often the intervals of judging hold the truth: κ, α, prediction-powered shares, Bradley–Terry strengths.

    python benchmarks/judging_coverage.py [DRAWS]

Every draw is a new data set of known truth; 10,000 of them measure 95 % to within 0.4. Strengths have a tenth as many
draws, since each has a bootstrap of its own.
"""

from __future__ import annotations

import math
import sys

import numpy as np

from evalkit.stats.agreement import cohen_kappa, krippendorff_alpha
from evalkit.stats.ppi import ppi_mean
from evalkit.tournaments import Battles, standing

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
        found = [ppi_mean(people, f[:labels], f[labels:], power=power) for power in (1.0, None)]
        held += [each.low <= share <= each.high for each in found]
    return float(held[0] / draws), float(held[1] / draws)


def strengths(rng: np.random.Generator, questions: int, draws: int) -> float:
    """The share of models' strengths, over draws, that their intervals hold: three models, all pairs a question."""
    truth = np.array([0.5, 0.0, -0.5])
    held = 0
    for _ in range(draws):
        rows = [
            (str(i), str(j), float(rng.random() < 1 / (1 + math.exp(truth[j] - truth[i]))), str(q))
            for q in range(questions)
            for i in range(3)
            for j in range(i + 1, 3)
        ]
        places, _ = standing(Battles.of(rows, ("0", "1", "2")), resamples=400, seed=int(rng.integers(1 << 30)))
        held += sum(p.strength.low <= truth[int(p.model)] <= p.strength.high for p in places)
    return held / (3 * draws)


def main() -> None:
    """Print a line a cell."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rng = np.random.default_rng(1)
    for rated in RATERS:
        kappa, alpha = agreement(rng, rated, draws)
        print(f"raters {rated}: κ {kappa:.4f}, α {alpha:.4f}", flush=True)
    for labelled in LABELS:
        plain, tuned = corrected(rng, labelled, draws)
        print(f"labels {labelled}: λ=1 {plain:.4f}, tuned {tuned:.4f}", flush=True)
    for questions in (50, 200):
        print(f"strengths, {questions} questions: {strengths(rng, questions, draws // 10):.4f}", flush=True)


if __name__ == "__main__":
    main()
