"""maj@k and best@k against every draw of k samples, and avg@k with its interval against a direct computation."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from evalkit.core import Metric, Record, Sample, Score, UsageError, Validity
from evalkit.scoring.metrics import best_at_k, maj_at_k, mean, pass_at_k
from evalkit.scoring.metrics.of_samples import election

Drawn = Sequence[tuple[float, str | None]]


def records(questions: Sequence[Drawn], score: str = "s") -> list[Record]:
    """A record a sample of every question: (value, answer)."""
    return [
        Record("t", place, Sample(f"q{place}", "?"), repeat, scores=(Score(score, value, answer),))
        for place, drawn in enumerate(questions)
        for repeat, (value, answer) in enumerate(drawn)
    ]


def estimate(metric: Metric, found: Sequence[Record]):
    kept = [(row, one.index) for one in found if (row := metric.observe(one)) is not None]
    rows = np.array([row for row, _ in kept], dtype=np.float64)
    return metric.estimate(rows, np.array([number for _, number in kept]))


def voted(drawn: Drawn) -> float:
    """The definition, for one draw: the mean score of the commonest answers, 0 without any."""
    votes = Counter(answer for _, answer in drawn if answer is not None)
    most = max(votes.values(), default=0)
    values = {answer: value for value, answer in drawn}
    elected = [values[answer] for answer, count in votes.items() if count == most]
    return sum(elected) / len(elected) if elected else 0.0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("k", [1, 2, 3, 5, 6])
def test_they_are_the_mean_over_every_draw_of_k(seed: int, k: int) -> None:
    rng = random.Random(seed)
    worth = {"A": 1.0, "B": 0.0, "C": 0.0, "D": 0.5, None: 0.0}
    questions = [[(worth[one], one) for one in rng.choices([*worth], k=6)] for _ in range(4)]
    draws = [list(itertools.combinations(drawn, k)) for drawn in questions]
    expected = np.mean([np.mean([voted(one) for one in found]) for found in draws])
    assert estimate(maj_at_k(k, score="s"), records(questions)).value == pytest.approx(expected, abs=1e-12)
    best = np.mean([np.mean([max(value for value, _ in one) for one in found]) for found in draws])
    assert estimate(best_at_k(k, score="s"), records(questions)).value == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize(
    ("answers", "value"),
    [
        ("AAB", 1.0),
        ("ABB", 0.0),
        ("AB", 0.5),  # two alike: each is elected with equal chance
        ("ABC", 1 / 3),
        ("AABBC", 0.5),
        ("A--", 1.0),  # who has no answer does not vote
        ("AB--", 0.5),
        ("---", 0.0),
    ],
)
def test_ties_are_broken_as_documented(answers: str, value: float) -> None:
    drawn = [(float(one == "A"), None if one == "-" else one) for one in answers]
    for order in itertools.islice(itertools.permutations(drawn), 24):
        assert estimate(maj_at_k(len(drawn), score="s"), records([order])).value == pytest.approx(value)


def test_of_right_and_wrong_the_best_is_pass_at_k() -> None:
    rng = random.Random(3)
    found = records([[(float(rng.random() < 0.3), "x") for _ in range(9)] for _ in range(30)])
    for k in (1, 2, 4, 9):
        best, passed = estimate(best_at_k(k, score="s"), found), estimate(pass_at_k(k, score="s"), found)
        assert (best.value, best.low, best.high) == pytest.approx((passed.value, passed.low, passed.high), abs=1e-12)


def test_an_election_of_many_is_exact_and_adds_up() -> None:
    chances = election((30, 20, 10), 64, 33)
    assert sum(chances) == pytest.approx(1.0, abs=1e-12) and chances[0] > chances[1] > chances[2]
    assert election((40, 24), 64, 64) == (1.0, 0.0)


def test_failures_of_the_model_are_samples_without_an_answer_and_lost_ones_are_none() -> None:
    found = records([[(1.0, "A"), (1.0, "A"), (0.0, "B")]])
    cut = Record("t", 0, found[0].sample, 3, validity=Validity.CUT_THOUGHT)
    lost = Record("t", 0, found[0].sample, 4, validity=Validity.BACKEND_ERROR)
    metric = maj_at_k(4, score="s")
    assert metric.observe(lost) is None
    assert estimate(metric, [*found, cut, lost]).value == 1.0
    few = estimate(metric, found)
    assert math.isnan(few.value) and few.how == "no question has 4 samples"
    with pytest.raises(UsageError, match="at least 1"):
        maj_at_k(0, score="s")


def test_avg_at_k_and_its_interval_equal_a_direct_computation() -> None:
    """Oracle: the mean of the questions' means and Student's interval over them; with equal clusters the variance of
    the mean is that of the questions' means."""
    rng = random.Random(11)
    chances = [rng.betavariate(2, 1) for _ in range(80)]
    questions = [[(float(rng.random() < p), "x") for _ in range(8)] for p in chances]
    found = estimate(mean("s"), records(questions))
    means = np.array([np.mean([value for value, _ in drawn]) for drawn in questions])
    assert found.value == pytest.approx(means.mean(), abs=1e-12)
    assert found.n == 640
    half = stats.t.ppf(0.975, 79) * means.std(ddof=1) / math.sqrt(80)
    # A score interval is not symmetric; its width is that of Student's over the questions to within a tenth.
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.1)
    naive = stats.t.ppf(0.975, 639) * math.sqrt(found.value * (1 - found.value) / 640)
    assert half > 1.3 * naive, "the samples of a question are not independent"
