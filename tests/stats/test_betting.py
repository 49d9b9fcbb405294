"""Bounds that hold at any time: against the game itself, played bet by bet, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evalkit.stats.betting import anytime_bounds, is_above, log_wealth, units_of

ALPHA = 0.05


def played(differences: np.ndarray, point: float) -> float:
    """The wealth of the mixture, one sample after the other, each bettor with a purse of its own."""
    sizes = (1.0 - 1e-6) / (1.0 + point) * 1e-3 ** (np.arange(32) / 31.0)
    purses = np.array([0.25, *([0.75 / 31] * 31)])
    for d in differences:
        purses = purses * (1.0 + sizes * (d - point))
    return float(purses.sum())


def test_the_wealth_is_what_bets_one_after_the_other_win() -> None:
    d = np.random.default_rng(1).choice([-1.0, 0.0, 0.5, 1.0], p=[0.1, 0.6, 0.1, 0.2], size=300)
    for point in (-0.4, -0.05, 0.0, 0.1):
        assert log_wealth(units_of(d, None), point) == pytest.approx(math.log(played(d, point)), rel=1e-9)


def test_bounds_are_where_the_wealth_reaches_one_over_alpha() -> None:
    d = np.random.default_rng(2).choice([-1.0, 0.0, 1.0], p=[0.05, 0.9, 0.05], size=400)
    units = units_of(d, None)
    low, high = anytime_bounds(units, ALPHA)
    assert -0.2 < low < d.mean() < high < 0.2
    assert log_wealth(units, low) == pytest.approx(math.log(20), abs=1e-6)
    assert is_above(units, low - 1e-3, ALPHA)
    assert not is_above(units, low + 1e-3, ALPHA)
    mirrored = anytime_bounds(units_of(-d, None), ALPHA)
    assert (low, high) == pytest.approx((-mirrored[1], -mirrored[0]))


def test_wealth_falls_as_the_point_rises() -> None:
    for clusters in (None, np.repeat(np.arange(60), [*range(1, 13)] * 5)):
        d = np.random.default_rng(3).choice([-1.0, 0.0, 1.0], p=[0.1, 0.85, 0.05], size=390)
        units = units_of(d, clusters)
        wealth = [log_wealth(units, point) for point in np.linspace(-0.999, 0.999, 400)]
        assert (np.diff(wealth) <= 1e-9).all()


@pytest.mark.parametrize(("n", "bound"), [(50, 0.0848), (150, 0.0288), (500, 0.0088)])
def test_nothing_that_changes_is_bounded_like_the_rule_of_three(n: int, bound: float) -> None:
    """(1 + m)^n = 4/α for the boldest bet alone, which has a quarter: m = 4.38/n, beside 3.0/n for one look."""
    low, _ = anytime_bounds(units_of(np.zeros(n), None), ALPHA)
    assert -(80 ** (1 / n) - 1) < low < -(20 ** (1 / n) - 1)
    assert low == pytest.approx(-bound, abs=0.004)


def test_nothing_known_says_nothing() -> None:
    assert anytime_bounds(units_of(np.zeros(0), None), ALPHA) == (pytest.approx(-1.0), pytest.approx(1.0))
    assert anytime_bounds(units_of(np.zeros(0), None, down=9.0, up=9.0), ALPHA) == (
        pytest.approx(-9.0),
        pytest.approx(9.0),
    )


def test_a_difference_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="between -1 and 1"):
        units_of(np.array([0.0, 1.5]), None)


def test_clusters_bet_as_wholes_and_a_large_one_that_may_come_counts() -> None:
    clusters = np.repeat(np.arange(50), 4)
    flips = np.repeat(np.random.default_rng(4).choice([-1.0, 0.0, 1.0], p=[0.1, 0.8, 0.1], size=50), 4)
    alone, together = anytime_bounds(units_of(flips, None), ALPHA), anytime_bounds(units_of(flips, clusters), ALPHA)
    unequal = anytime_bounds(units_of(flips, clusters, most=16.0), ALPHA)
    assert unequal[0] < together[0] < alone[0]
    # Clusters of four that move as one are fifty samples.
    assert together == pytest.approx(anytime_bounds(units_of(flips[::4], None), ALPHA))


def ever_above(draws: np.ndarray, point: float) -> float:
    """How often the wealth reaches 1/α at any sample, of draws (r, n) of -1, 0 and 1."""
    sizes = (1.0 - 1e-6) / (1.0 + point) * 1e-3 ** (np.arange(32) / 31.0)
    logs = np.log([0.25, *([0.75 / 31] * 31)])
    reached = 0
    for row in draws:
        paths = np.cumsum(np.log1p(np.multiply.outer(row - point, sizes)), axis=0)
        reached += bool((np.logaddexp.reduce(paths + logs, axis=1) >= math.log(20)).any())
    return reached / len(draws)


@pytest.mark.parametrize(("loss", "gain"), [(0.03, 0.0), (0.1, 0.07), (0.3, 0.27)])
def test_looking_after_every_sample_errs_no_more_than_alpha(loss: float, gain: float) -> None:
    draws = np.random.default_rng(5).choice([-1.0, 0.0, 1.0], p=[loss, 1 - loss - gain, gain], size=(600, 1500))
    # 5 % of 600 and three standard deviations.
    assert ever_above(draws, -0.03) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 600)
    # The test can fail: at twice the drop most bettors on less get rich.
    assert ever_above(draws[:100], -0.15) > 0.9


def test_nor_does_it_without_replacement() -> None:
    """A whole set whose drop is the margin exactly, its samples in random order to the last."""
    whole = np.concatenate([np.full(40, -1.0), np.full(16, 1.0), np.zeros(744)])
    rng = np.random.default_rng(6)
    draws = np.stack([rng.permutation(whole) for _ in range(600)])
    assert ever_above(draws, float(whole.mean())) <= 0.05
