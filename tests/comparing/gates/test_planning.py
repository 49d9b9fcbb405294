"""Plans against the closed form, against gates that are run on drawn answers, and against arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats

from evalkit.comparing.gates import GateLimits, GateOutcome, Pairs
from evalkit.comparing.gates.decide import decide
from evalkit.comparing.gates.planning import plan, plan_differences, suite_power
from evalkit.stats.simulated_answers import Answers, flips
from evalkit.stats.simulated_values import draw_differences, symmetric, unchanged


def test_a_plan_for_a_standard_deviation_is_the_closed_form() -> None:
    found = plan(500, GateLimits(0.03), sd=0.29)
    z, z_power = scipy.stats.norm.ppf([0.95, 0.8])
    assert found.needed == math.ceil(((z + z_power) * 0.29 / 0.03) ** 2)
    assert found.minimum_detectable == pytest.approx((z + z_power) * 0.29 / math.sqrt(500))
    assert found.power_at_no_change == pytest.approx(scipy.stats.norm.cdf(0.03 * math.sqrt(500) / 0.29 - z))
    assert (found.resolves, found.how) == (False, "normal distribution")
    assert found.needed is not None and plan(found.needed, GateLimits(0.03), sd=0.29).resolves


def test_clusters_make_samples_worth_fewer() -> None:
    alone, together = (plan(1000, GateLimits(0.03), sd=0.3, cluster_size=size, icc=0.25) for size in (1, 9))
    assert (alone.effective, together.effective) == (1000, pytest.approx(1000 / 3))
    assert together.needed == pytest.approx(3 * (alone.needed or 0), abs=3)


@pytest.mark.slow("simulates 1,500 gates")
@pytest.mark.parametrize(
    ("n", "proportion", "correlation", "size", "icc", "margin"),
    [(300, 0.7, 0.8, 1, 0.0, 0.05), (100, 0.95, 0.5, 1, 0.0, 0.1), (600, 0.6, 0.8, 4, 0.3, 0.07)],
)
def test_gates_on_samples_pass_as_often_as_planned(
    n: int, proportion: float, correlation: float, size: int, icc: float, margin: float
) -> None:
    said = plan(n, GateLimits(margin), proportion=proportion, correlation=correlation, cluster_size=size, icc=icc)
    rng = np.random.default_rng(8)
    through = 0
    for _ in range(500):
        before, after, clusters = flips(Answers(proportion, 0.0, correlation, size, icc), n, rng)
        verdict = decide(Pairs(before, after, clusters if size > 1 else None), GateLimits(margin))
        through += verdict.outcome in (GateOutcome.PASS, GateOutcome.DEGRADED)
    expected = said.power_at_no_change
    assert through / 500 == pytest.approx(expected, abs=3.5 * math.sqrt(expected * (1 - expected) / 500))
    assert 0.1 < expected < 0.99


def test_rates_are_of_all_verdicts() -> None:
    for found in (plan(4000, GateLimits(0.02), proportion=0.6, correlation=0.9), plan(4000, GateLimits(0.02), sd=0.22)):
        rates = (found.pass_rate, found.degraded_rate, found.fail_rate, found.worse_rate, found.inconclusive_rate)
        assert sum(rates) == pytest.approx(1.0)
        assert found.power_at_no_change == pytest.approx(found.pass_rate + found.degraded_rate)
        assert found.degraded_rate == pytest.approx(0.05, abs=0.01)


def test_where_any_drop_blocks_chance_blocks_alpha() -> None:
    for given in ({"proportion": 0.6, "correlation": 0.9}, {"sd": 0.22}):
        found = plan(4000, GateLimits(0.02, any_drop_blocks=True), **given)  # type: ignore[arg-type]
        assert found.fail_rate == pytest.approx(0.05, abs=0.01)
        assert found.power_at_no_change == pytest.approx(0.95, abs=0.01)


def test_needed_and_detectable_give_the_power_that_was_wished_for() -> None:
    found = plan(200, GateLimits(0.04), proportion=0.9, correlation=0.7, power=0.9)
    assert found.needed is not None
    again = plan(found.needed, GateLimits(0.04), proportion=0.9, correlation=0.7, power=0.9, seed=5)
    assert again.power_at_no_change == pytest.approx(0.9, abs=0.02)
    wide = plan(200, GateLimits(found.minimum_detectable + 1e-6), proportion=0.9, correlation=0.7, power=0.9)
    assert wide.resolves
    assert not plan(
        200, GateLimits(found.minimum_detectable - 0.005), proportion=0.9, correlation=0.7, power=0.9
    ).resolves


def test_nothing_passes_a_margin_of_zero() -> None:
    found = plan(300, GateLimits(0.0), proportion=0.5, correlation=0.5)
    assert found.power_at_no_change < 0.06
    assert (found.needed, plan(300, GateLimits(0.0), sd=0.3).needed) == (None, None)


def test_zero_tolerance_passes_where_no_sample_flips() -> None:
    found = plan(100, GateLimits(0.0, zero_tolerance=True), proportion=0.99, correlation=0.5)
    _, losses, _, _ = Answers(0.99, 0.0, 0.5).cells
    assert found.power_at_no_change == pytest.approx((1 - losses) ** 100)


def test_the_power_of_a_suite_is_that_every_task_is_let_through() -> None:
    plans = [plan(500, GateLimits(0.03), sd=sd) for sd in (0.2, 0.3, 0.4)]
    assert suite_power(plans) == pytest.approx(math.prod(each.power_at_no_change for each in plans))
    assert suite_power([]) == 1.0


def test_what_can_not_be_planned() -> None:
    with pytest.raises(ValueError, match="either sd or proportion"):
        plan(100, GateLimits(0.1))
    with pytest.raises(ValueError, match="either sd or proportion"):
        plan(100, GateLimits(0.1), sd=0.3, proportion=0.5)
    with pytest.raises(ValueError, match="a sample at least"):
        plan(0, GateLimits(0.1), sd=0.3)
    with pytest.raises(ValueError, match="zero tolerance"):
        plan(100, GateLimits(0.0, zero_tolerance=True), sd=0.3)
    with pytest.raises(ValueError, match="shares"):
        plan(100, GateLimits(0.1), proportion=1.2)


def drawn_pair(rng: np.random.Generator, n: int, correlation: float, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Two runs of one model: a share of the samples keeps its score, the others' are drawn anew."""

    def scores(size: int) -> np.ndarray:
        if kind == "grades":
            return rng.integers(4, 11, size=size).astype(float)
        if kind == "pass@5":
            right = rng.binomial(10, rng.beta(1, 1, size=size))
            return np.asarray(1.0 - scipy.special.comb(10 - right, 5) / scipy.special.comb(10, 5))
        return np.where(rng.random(size) < 0.5, 1.0, rng.random(size))

    before = scores(n)
    return before, np.where(rng.random(n) < correlation, before, scores(n))


@pytest.mark.slow("simulates 400 gates a case")
@pytest.mark.parametrize(
    ("kind", "n", "margin", "ends"),
    [("grades", 150, 0.6, (1.0, 10.0)), ("pass@5", 200, 0.07, (0.0, 1.0)), ("f1", 200, 0.08, (0.0, 1.0))],
)
def test_gates_on_graded_scores_pass_as_often_as_planned(
    kind: str, n: int, margin: float, ends: tuple[float, float]
) -> None:
    rng = np.random.default_rng(4)
    baseline, _ = drawn_pair(rng, 4000, 0.5, kind)
    said = plan_differences([1] * n, GateLimits(margin), unchanged(baseline, 0.5), reach=ends[1] - ends[0])
    through = 0
    for _ in range(400):
        found = decide(Pairs(*drawn_pair(rng, n, 0.5, kind), ends=ends), GateLimits(margin))
        through += found.outcome in (GateOutcome.PASS, GateOutcome.DEGRADED)
    expected = said.power_at_no_change
    assert 0.3 < expected < 0.95
    # Three points, and three standard deviations of 400 draws.
    assert through / 400 == pytest.approx(expected, abs=0.03 + 3 * math.sqrt(expected * (1 - expected) / 400))
    # The samples that the plan asks for have the power that was wished for.
    assert said.needed is not None
    more = plan_differences([1] * said.needed, GateLimits(margin), unchanged(baseline, 0.5), reach=ends[1] - ends[0])
    assert more.power_at_no_change == pytest.approx(0.8, abs=0.06)


def test_an_earlier_candidates_differences_are_taken_in_both_directions() -> None:
    values, chances = symmetric(np.array([0.0, 0.0, -0.5, 0.25]))
    assert values.tolist() == [-0.5, -0.25, 0.0, 0.25, 0.5]
    assert chances.tolist() == [0.125, 0.125, 0.5, 0.125, 0.125]


def test_drawn_differences_are_those_of_two_runs_that_correlate() -> None:
    scores = np.array([1.0, 1.0, 0.5, 0.0])
    values, chances = unchanged(scores, 0.75)
    assert chances.sum() == pytest.approx(1.0)
    assert float(chances @ values) == pytest.approx(0.0)
    # σ² of a difference is 2·σ²·(1 - ρ).
    assert float(chances @ values**2) == pytest.approx(2 * scores.var() * 0.25)
    drawn = draw_differences((values, chances), [4] * 30, 0.5, 4000, 1.0, np.random.default_rng(1))
    assert float(drawn.difference.std()) == pytest.approx(math.sqrt(2 * scores.var() * 0.25 * 2.5 / 120), rel=0.05)
    assert set(drawn.kish) == {4.0}
