import math

import numpy as np
import pytest

from evalkit.core import Estimate
from evalkit.stats import combined_interval, mean_interval, wilson
from evalkit.stats.combined import above_chance, combine, part
from evalkit.stats.intervals import quantile


def proportion(right, n):
    low, high = wilson(right / n, n, quantile(0.95))
    return Estimate(right / n, low, high, n, "wilson")


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    # Newcombe (1998), method 10, for these pairs; the published table of his paper.
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((10, 10), (0, 20), 0.6791, 1.0)],
)
def test_two_shares_give_newcombes_interval_of_a_difference(one, other, low, high):
    # p1 - p2 = 2 · mean(p1, 1 - p2) - 1, and Wilson's interval of 1 - p2 is that of p2 turned around.
    found = combined_interval([proportion(*one), proportion(other[1] - other[0], other[1])], [1.0, 1.0])
    assert 2 * found.low - 1 == pytest.approx(low, abs=6e-5)
    assert 2 * found.high - 1 == pytest.approx(high, abs=6e-5)


def test_statsmodels_has_the_same_interval_of_a_difference():
    oracle = pytest.importorskip("statsmodels.stats.proportion")
    rng = np.random.default_rng(4)
    for _ in range(200):
        n, m = (int(size) for size in rng.integers(5, 400, 2))
        a, b = int(rng.integers(0, n + 1)), int(rng.integers(0, m + 1))
        low, high = oracle.confint_proportions_2indep(a, n, b, m, method="newcomb", compare="diff")
        found = combined_interval([proportion(a, n), proportion(m - b, m)], [0.5, 0.5])
        assert (2 * found.low - 1, 2 * found.high - 1) == pytest.approx((low, high), abs=1e-9)


def test_symmetric_intervals_combine_as_standard_errors_do():
    parts = [Estimate(0.5, 0.4, 0.6, 100, "t"), Estimate(0.2, 0.15, 0.25, 50, "t")]
    found = combined_interval(parts, [3.0, 1.0])
    half = math.sqrt((0.75 * 0.1) ** 2 + (0.25 * 0.05) ** 2)
    assert (found.value, found.low, found.high) == pytest.approx((0.425, 0.425 - half, 0.425 + half), abs=1e-15)
    assert (found.n, found.how) == (150, "mover over 2 tasks")


def test_one_part_keeps_its_interval():
    part = proportion(3, 20)
    found = combined_interval([part], [7.0])
    assert (found.value, found.low, found.high) == pytest.approx((part.value, part.low, part.high), abs=1e-15)


def test_the_interval_covers_the_mean_of_tasks_as_often_as_it_says():
    rng = np.random.default_rng(8)
    truths, sizes, weights = np.array([0.3, 0.9, 0.6]), (60, 40, 200), (1.0, 1.0, 2.0)
    mean = float(truths @ weights) / 4
    inside = 0
    for _ in range(600):
        drawn = [(rng.random(n) < p).astype(float) for p, n in zip(truths, sizes, strict=True)]
        found = combined_interval([mean_interval(values) for values in drawn], weights)
        inside += found.low <= mean <= found.high
    # 95 % of 600 with a margin of 3.5 standard errors.
    assert 0.919 < inside / 600 < 0.981


def test_a_part_without_an_interval_leaves_none_to_the_mean():
    nothing = Estimate(0.5, math.nan, math.nan, 1, "n=1")
    found = combined_interval([proportion(1, 2), nothing], [1.0, 1.0])
    assert found.value == 0.5
    assert math.isnan(found.low)


@pytest.mark.parametrize("weights", [[0.0, 0.0], [1.0, -1.0], []])
def test_weights_must_weigh_something(weights):
    parts = [proportion(1, 2), proportion(1, 3)][: len(weights)]
    with pytest.raises(ValueError, match="weights must not be negative nor all 0"):
        combined_interval(parts, weights)


def test_intervals_of_unequal_confidence_do_not_mix():
    with pytest.raises(ValueError, match="different confidence"):
        combined_interval([proportion(1, 2), Estimate(0.5, 0.4, 0.6, 9, "t", 0.9)], [1.0, 1.0])


def test_parts_that_rest_on_the_same_questions_reach_as_far_as_they_can_together() -> None:
    parts = [proportion(30, 50), proportion(20, 50), proportion(10, 50)]
    alone, shared = combined_interval(parts, [1.0] * 3), combined_interval(parts, [1.0] * 3, ["q", "q", "r"])
    below = [part.value - part.low for part in parts]
    assert shared.low == pytest.approx(shared.value - math.hypot((below[0] + below[1]) / 3, below[2] / 3))
    assert shared.low < alone.low < shared.value == alone.value < alone.high < shared.high
    assert shared.how == "mover over 3 tasks of 2 sets of questions"


def test_five_tasks_over_the_same_questions_are_covered() -> None:
    rng, covered = np.random.default_rng(8), 0
    for _ in range(500):
        hard = rng.random(100)
        tasks = [mean_interval((hard < 0.7).astype(float)) for _ in range(5)]
        found = combined_interval(tasks, [1.0] * 5, ["q"] * 5)
        covered += found.low <= 0.7 <= found.high
    # 64 % where they are taken for independent.
    assert covered / 500 >= 0.93


def test_what_is_above_chance_moves_its_interval_along():
    found = above_chance(part(proportion(60, 100), "q"), 0.25).estimate
    bounds = proportion(60, 100)
    assert (found.value, found.low, found.high) == pytest.approx(
        tuple((end - 0.25) / 0.75 for end in (bounds.value, bounds.low, bounds.high)), abs=1e-12
    )
    below = above_chance(part(proportion(20, 100), "q"), 0.25).estimate
    assert (below.value, below.low) == (0.0, 0.0)
    assert below.high == pytest.approx((proportion(20, 100).high - 0.25) / 0.75, abs=1e-12)
    assert above_chance(part(proportion(9, 9), "q"), 0.9).value == 1.0
    with pytest.raises(ValueError, match="below 1"):
        above_chance(part(proportion(1, 2), "q"), 1.0)


def test_the_interval_of_a_normalised_mean_of_nested_means_is_that_of_redrawn_questions():
    # The oracle draws every task's questions anew and computes the score from the draws.
    rng = np.random.default_rng(3)
    truths, sizes, floors = (0.45, 0.62, 0.3, 0.8), (150, 200, 180, 120), (0.25, 0.5, 0.1, 0.0)
    rights = [round(p * n) for p, n in zip(truths, sizes, strict=True)]
    parts = [
        above_chance(part(proportion(k, n), str(place)), floor)
        for place, (k, n, floor) in enumerate(zip(rights, sizes, floors, strict=True))
    ]
    inner = combine(parts[:2], [1.0, 1.0])
    found = combine([inner, *parts[2:]], [1.0, 2.0, 1.0]).estimate
    drawn = [rng.binomial(n, k / n, 40_000) / n for k, n in zip(rights, sizes, strict=True)]
    scores = [np.maximum(0.0, (d - f) / (1.0 - f)) for d, f in zip(drawn, floors, strict=True)]
    mean = ((scores[0] + scores[1]) / 2 + 2 * scores[2] + scores[3]) / 4
    low, high = np.quantile(mean, [0.025, 0.975])
    assert found.value == pytest.approx(
        ((parts[0].value + parts[1].value) / 2 + 2 * parts[2].value + parts[3].value) / 4, abs=1e-12
    )
    assert (found.low, found.high) == (pytest.approx(low, abs=0.008), pytest.approx(high, abs=0.008))
    assert (found.n, found.how) == (650, "mover over 4 tasks")


def test_a_mean_of_tasks_below_its_own_floor_is_nothing_with_room_above():
    inner = combine([part(proportion(10, 100), "a"), part(proportion(40, 100), "b")], [1.0, 1.0])
    found = above_chance(inner, 0.3).estimate
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx((inner.estimate.high - 0.3) / 0.7, abs=1e-12)
