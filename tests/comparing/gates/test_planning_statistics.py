"""Plans of gates on metrics that are no means: as often let through as planned, by seeded draws."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evalkit.comparing.gates import GateLimits, GateOutcome
from evalkit.comparing.gates.planning_statistics import plan_statistic
from evalkit.comparing.gates.statistic import PairedRows, Statistic, decide_statistic
from evalkit.core import Metric
from evalkit.scoring.metrics import bleu, macro_f1
from evalkit.scoring.metrics.corpus import ter

THROUGH = (GateOutcome.PASS, GateOutcome.DEGRADED)


def answers(rng: np.random.Generator, n: int) -> np.ndarray:
    """(predicted, right) of two classes, 85 % right."""
    right = (rng.random(n) < 0.5).astype(float)
    return np.column_stack([np.where(rng.random(n) < 0.85, right, 1 - right), right])


def ngrams(rng: np.random.Generator, n: int) -> np.ndarray:
    said = rng.integers(12, 30, n)
    share = rng.beta(12, 5, n)
    possible = np.stack([said - order for order in range(4)], axis=1)
    hit = np.stack([rng.binomial(possible[:, order], share ** (1 + 0.6 * order)) for order in range(4)], axis=1)
    return np.column_stack([said, said, hit, possible]).astype(float)


@pytest.mark.slow("plans from 5 pilots and decides 150 gates a case")
@pytest.mark.parametrize(
    ("metric", "draw", "n", "margin"), [(macro_f1(), answers, 120, 0.07), (bleu(), ngrams, 100, 0.045)]
)
def test_gates_pass_as_often_as_planned(metric: Metric, draw: object, n: int, margin: float) -> None:
    rng, limits = np.random.default_rng(3), GateLimits(margin)
    asked = {"ends": metric.ends or (None, None), "higher_is_better": metric.higher_is_better}
    planned = []
    for _ in range(5):
        made = plan_statistic(draw(rng, n), None, metric.estimate, limits, correlation=0.6, **asked)  # type: ignore[operator, arg-type]
        assert made is not None
        planned.append(made.power_at_no_change)
    expected = float(np.mean(planned))
    assert 0.3 < expected < 0.95
    statistic = Statistic(metric.estimate, weighed_by=metric.weighed_by, **asked)  # type: ignore[arg-type]
    through = 0
    for _ in range(150):
        before, again = draw(rng, n), draw(rng, n)  # type: ignore[operator]
        after = np.where((rng.random(n) < 0.6)[:, None], before, again)
        found = decide_statistic(PairedRows(before, after), statistic, limits)
        through += found.outcome in THROUGH
    # Three points, and three standard deviations of the draws and of the pilots.
    noise = math.hypot(math.sqrt(expected * (1 - expected) / 150), float(np.std(planned)) / math.sqrt(5))
    assert through / 150 == pytest.approx(expected, abs=0.03 + 3 * noise)


def test_the_samples_that_a_plan_asks_for_have_the_power() -> None:
    rng, metric = np.random.default_rng(5), macro_f1()
    limits = GateLimits(0.08)
    made = plan_statistic(answers(rng, 3000), None, metric.estimate, limits, ends=(0.0, 1.0))
    assert made is not None and made.needed is not None
    assert made.resolves
    # Pilots of as many samples, each with a spread of its own.
    pilots = [answers(rng, made.needed) for _ in range(6)]
    again = [plan_statistic(rows, None, metric.estimate, limits, ends=(0.0, 1.0)) for rows in pilots]
    assert np.mean([one.power_at_no_change for one in again if one]) == pytest.approx(0.8, abs=0.09)


def test_an_earlier_candidate_that_is_the_same_leaves_the_unseen_change_alone() -> None:
    rows = answers(np.random.default_rng(6), 150)
    metric, limits = macro_f1(), GateLimits(0.05)
    made = plan_statistic(rows, None, metric.estimate, limits, ends=(0.0, 1.0), again=rows)
    assert made is not None
    assert (made.power_at_no_change, made.sd) == (1.0, 0.0)
    few = plan_statistic(rows[:30], None, metric.estimate, limits, ends=(0.0, 1.0), again=rows[:30])
    assert few is not None
    assert few.power_at_no_change == 0.0


def test_what_cannot_be_left_out_is_not_planned() -> None:
    rows = answers(np.random.default_rng(7), 4)
    assert plan_statistic(rows, None, macro_f1().estimate, GateLimits(0.1), ends=(0.0, 1.0)) is None
    none = GateLimits(0.0, zero_tolerance=True)
    assert plan_statistic(np.tile(rows, (5, 1)), None, macro_f1().estimate, none, ends=(0.0, 1.0)) is None


def test_lower_is_better_reckons_with_a_rise() -> None:
    rng = np.random.default_rng(8)
    words = rng.integers(5, 30, 120).astype(float)
    rows = np.column_stack([rng.binomial(words.astype(int), 0.1), words])
    limits = GateLimits(0.05)
    plans = [
        plan_statistic(rows, None, ter().estimate, limits, ends=(0.0, 1.0), higher_is_better=better, again=rows)
        for better in (False, True)
    ]
    assert plans[0] is not None and plans[1] is not None
    # From 0.1 it is far to 1, and not far to 0.
    assert plans[0].minimum_detectable > 4 * plans[1].minimum_detectable
