"""The model of answers: its shares, correlation and clusters, and that sums drawn at once are those of samples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evalkit.stats.moments import moments
from evalkit.stats.simulated_answers import Answers, draw, draw_moments, flips, moments_of

RNG = np.random.default_rng(17)


def test_cells_have_the_shares_and_the_correlation() -> None:
    both, losses, gains, neither = Answers(0.7, 0.05, 0.6).cells
    assert both + losses == pytest.approx(0.7)
    assert both + gains == pytest.approx(0.65)
    assert both + losses + gains + neither == pytest.approx(1.0)
    assert (both - 0.7 * 0.65) / math.sqrt(0.7 * 0.3 * 0.65 * 0.35) == pytest.approx(0.6)


def test_a_correlation_that_shares_can_not_have_is_the_nearest_they_can() -> None:
    assert Answers(0.02, 0.02, 0.95).cells == pytest.approx((0.0, 0.02, 0.0, 0.98))
    assert Answers(0.5, 0.1, 0.99).cells[2] == pytest.approx(0.0)


@pytest.mark.parametrize("answers", [Answers(0.8, 0.05, 0.5, 5, 0.3), Answers(0.3, -0.1, 0.0, 4, 0.6)])
def test_samples_have_the_shares_and_the_intra_cluster_correlation(answers: Answers) -> None:
    before, after, clusters = flips(answers, 200_000, RNG)
    assert before.mean() == pytest.approx(answers.proportion, abs=0.006)
    assert after.mean() == pytest.approx(answers.proportion - answers.drop, abs=0.006)
    assert np.std(after - before) == pytest.approx(answers.deviation, abs=0.006)
    d = (after - before + answers.drop).reshape(-1, answers.size)
    between = (d.sum(axis=1) ** 2 - (d**2).sum(axis=1)).mean() / (answers.size * (answers.size - 1))
    assert between / (d**2).mean() == pytest.approx(answers.icc, abs=0.02)
    assert clusters[answers.size] == 1


@pytest.mark.parametrize("answers", [Answers(0.8, 0.05, 0.5), Answers(0.8, 0.05, 0.5, 6, 0.3)])
@pytest.mark.parametrize("n", [60, 100])
def test_sums_drawn_at_once_are_distributed_as_those_of_samples(answers: Answers, n: int) -> None:
    at_once = draw_moments(answers, n, 20_000, RNG)
    one_by_one = []
    for _ in range(1500):
        before, after, clusters = flips(answers, n, RNG)
        one_by_one.append(moments(before, after, clusters if answers.size > 1 else None))
    for name in ("gains", "losses", "spread", "third"):
        many = getattr(at_once, name)
        single = np.array([float(getattr(each, name)) for each in one_by_one])
        assert single.mean() == pytest.approx(many.mean(), abs=4 * many.std() / math.sqrt(1500))
        assert single.std() == pytest.approx(many.std(), rel=0.12)
    for name in ("n", "kish", "freedom", "clusters"):
        assert float(getattr(one_by_one[0], name)) == pytest.approx(getattr(at_once, name)[0])
    assert (at_once.plain, at_once.bounded) == (one_by_one[0].plain, True)


def test_draws_add_up() -> None:
    answers = Answers(0.6, 0.0, 0.4, 3, 0.2)
    first, second = draw(answers, 10, 5, RNG), draw(answers, 15, 5, RNG)
    together = moments_of([first + second])
    assert together.n.tolist() == [75.0] * 5
    np.testing.assert_allclose(together.gains, first.gains + second.gains)
    np.testing.assert_allclose(together.spread, moments_of([first, second]).spread)


def test_answers_that_there_can_not_be() -> None:
    with pytest.raises(ValueError, match="shares"):
        Answers(0.02, 0.05)
    with pytest.raises(ValueError, match="correlations"):
        Answers(0.5, 0.0, 1.5)
