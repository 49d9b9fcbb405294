"""The best threshold against a brute force over every threshold there is, and the official script's sweep by hand."""

from __future__ import annotations

import random

import numpy as np
import pytest

from evalkit.core import Record, Sample, Score
from evalkit.scoring.metrics.thresholds import best_by_threshold

METRIC = best_by_threshold("exact", "silent", "no_answer", name="best_exact")


def rows_of(seed: int, size: int, distinct: int) -> np.ndarray:
    rng = random.Random(seed)
    rows = []
    for _ in range(size):
        silent = float(rng.random() < 0.4)
        score = silent * float(rng.random() < 0.3) if silent else round(rng.random(), 2)
        rows.append((score, silent, rng.randrange(distinct) / distinct))
    return np.array(rows)


def brute_force(rows: np.ndarray) -> float:
    thresholds = [-1.0, *rows[:, 2]]
    return max(float(np.mean([s if p <= t else quiet for s, quiet, p in rows])) for t in thresholds)


def sweep(rows: np.ndarray) -> float:
    """The sweep of SQuAD 2.0's script as its paper's evaluation describes it, one sample at a time."""
    current = best = float(rows[:, 1].sum())
    for score, silent, _ in sorted(rows.tolist(), key=lambda row: row[2]):
        current += (-1.0 if score == 0.0 else 0.0) if silent else score
        best = max(best, current)
    return best / len(rows)


@pytest.mark.parametrize("seed", range(40))
def test_equals_a_brute_force_also_with_ties(seed: int) -> None:
    rows = rows_of(seed, size=5 + 3 * seed, distinct=4 + seed % 7)
    assert METRIC.estimate(rows, np.arange(len(rows))).value == pytest.approx(brute_force(rows), abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_equals_the_official_sweep_without_ties(seed: int) -> None:
    rows = rows_of(seed, size=60, distinct=10**9)
    assert METRIC.estimate(rows, np.arange(60)).value == pytest.approx(sweep(rows), abs=1e-12)


def test_the_interval_is_around_the_value_and_repeats() -> None:
    rows = rows_of(1, size=1500, distinct=10**9)
    found, again = (METRIC.estimate(rows, np.arange(1500)) for _ in range(2))
    assert found == again
    assert found.low < found.value < found.high
    assert found.high - found.low < 0.08


def test_what_lacks_one_of_the_scores_is_left_out() -> None:
    scores = (Score("exact", 1.0), Score("silent", 0.0), Score("no_answer", 0.25))
    assert METRIC.observe(Record("t", 0, Sample("1", "q"), scores=scores)) == (1.0, 0.0, 0.25)
    assert METRIC.observe(Record("t", 0, Sample("1", "q"), scores=scores[:2])) is None
    assert np.isnan(METRIC.estimate(np.zeros((0, 3)), np.zeros(0, dtype=int)).value)
