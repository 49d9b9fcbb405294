"""A drop that is shown and whose size is not: it blocks, nothing lets it through, and it errs as seldom as promised."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from evalkit import assert_no_regression
from evalkit.comparing.baselines import write
from evalkit.comparing.gates import GateLimits, GateOutcome, Opened, gate
from evalkit.comparing.gates.assess import assess
from evalkit.comparing.gates.outputs import junit, markdown, to_json, workflow_commands
from evalkit.comparing.gates.planning import rates
from evalkit.comparing.gates.policy import Margin, Policy
from evalkit.comparing.gates.report import GateReport
from evalkit.comparing.gates.sequential import Schedule, plan_sequential
from evalkit.comparing.gates.statistic import PairedRows, Statistic, decide_statistic
from evalkit.comparing.pairing import PairedTask, pair_task
from evalkit.core import Estimate
from evalkit.stats.simulated_answers import Answers, draw_moments
from tests.comparing.sides import side

LENIENT = Policy(margin=Margin(0.13), inconclusive_blocks=False)


def pair(losses: int, gains: int, n: int = 100, name: str = "quiz") -> PairedTask:
    before = [1.0] * losses + [0.0] * gains + [1.0] * (n - losses - gains)
    after = [0.0] * losses + [1.0] * gains + [1.0] * (n - losses - gains)
    return pair_task(side(before, name), side(after, name))


def report_on(paired: PairedTask, policy: Policy = LENIENT) -> GateReport:
    one, other = Opened("base", {paired.name: paired.baseline}), Opened("new", {paired.name: paired.candidate})
    return gate(other, one, policy)


def test_a_drop_of_19_points_with_a_margin_of_13_does_not_pass_as_inconclusive() -> None:
    """It was INCONCLUSIVE with p < 0.001, and `--inconclusive pass` made it exit code 0."""
    found = report_on(pair(24, 5))
    (row,) = found.rows
    assert row.verdict.p_value < 0.001
    assert row.verdict.low < -0.13 < row.verdict.high < 0.0
    assert (found.title, found.exit_code) == ("WORSE", 1)
    assert row.verdict.reason.startswith("It got worse: there is a drop, of ")


def test_every_output_blocks_on_it() -> None:
    found = report_on(pair(24, 5))
    assert '<failure type="WORSE"' in junit(found)
    assert next(workflow_commands(found)).startswith("::error title=evalkit WORSE%3A quiz::acc ")
    assert "## ❌ evalkit gate: WORSE" in markdown(found)
    assert (json.loads(to_json(found))["outcome"], json.loads(to_json(found))["exit_code"]) == ("WORSE", 1)


def test_an_assertion_that_allows_inconclusive_does_not_allow_it(tmp_path: Path) -> None:
    paired = pair(24, 5)
    for name, one in (("a", paired.baseline), ("b", paired.candidate)):
        write(tmp_path / name, {"quiz": one})
    with pytest.raises(AssertionError, match="WORSE"):
        assert_no_regression(tmp_path / "b", tmp_path / "a", margin="13%", allow_inconclusive=True)
    # The better model passes, and the equal one is at least not blocked.
    assert_no_regression(tmp_path / "a", tmp_path / "b", margin="13%", allow_inconclusive=True)
    assert_no_regression(tmp_path / "a", tmp_path / "a", margin="13%", allow_inconclusive=True)


def test_among_many_tasks_it_has_to_hold_after_the_correction() -> None:
    others = [pair(3, 3, name=f"t{number}") for number in range(29)]
    weak, strong = pair(14, 5), pair(24, 5)
    assert [row.verdict.outcome for row in assess([weak], LENIENT)] == [GateOutcome.WORSE]
    lost = assess([weak, *others], LENIENT)[0].verdict
    assert lost.outcome is GateOutcome.INCONCLUSIVE
    assert lost.reason == "worse by itself, but not after Holm's correction for 30 decisions"
    kept = assess([strong, *others], LENIENT)[0].verdict
    assert (kept.outcome, kept.correction) == (GateOutcome.WORSE, "Holm over 30 decisions")


@pytest.mark.parametrize("count", [2, 3])
def test_where_every_task_fails_every_one_does(count: int) -> None:
    found = assess([pair(60, 0, name=f"t{number}") for number in range(count)], LENIENT)
    assert [row.verdict.outcome for row in found] == [GateOutcome.FAIL] * count


def test_a_corpus_metric_knows_it_too() -> None:
    """Means of 0/1 rows as a metric that is none: bounds of the jackknife lie as those of the mean do."""

    def estimate(rows: np.ndarray, _: np.ndarray) -> Estimate:
        return Estimate(float(rows[:, 0].mean()), 0.0, 1.0, len(rows), "made up")

    before, after = np.ones((100, 1)), np.ones((100, 1))
    after[:24], before[24:29] = 0.0, 0.0
    found = decide_statistic(PairedRows(before, after), Statistic(estimate, ends=(0.0, 1.0)), GateLimits(0.13))
    assert found.outcome is GateOutcome.WORSE


@pytest.mark.parametrize("n", [50, 200, 1000])
@pytest.mark.parametrize("answers", [Answers(0.7, 0.0, 0.5), Answers(0.95, 0.0, 0.5), Answers(0.7, 0.0, 0.5, 5, 0.3)])
def test_an_unchanged_model_is_called_worse_no_more_often_than_alpha(n: int, answers: Answers) -> None:
    """20,000 draws at 5 %: standard deviation 0.15 points."""
    found = rates(draw_moments(answers, n, 20_000, np.random.default_rng(5)), GateLimits(0.02))
    assert sum(rate for outcome, rate in found.items() if outcome.blocks) <= 0.056
    assert sum(found.values()) == pytest.approx(1.0)


def test_a_worse_model_that_was_let_through_as_inconclusive_is_mostly_caught() -> None:
    """p = 0.7, ρ = 0.5, 200 samples, margin 5 %, a drop of 10: what INCONCLUSIVE hid, and what is still hidden."""
    drawn = draw_moments(Answers(0.7, 0.1, 0.5), 200, 20_000, np.random.default_rng(6))
    found = rates(drawn, GateLimits(0.05))
    assert found[GateOutcome.WORSE] > 0.45
    assert found[GateOutcome.WORSE] + found[GateOutcome.FAIL] > 0.9
    assert found[GateOutcome.PASS] + found[GateOutcome.DEGRADED] <= 0.05


def test_looks_go_on_where_only_the_size_is_open_and_end_with_it() -> None:
    """Rates of a gate that looks five times: none is lost, and an unchanged model is blocked at most at α."""
    same = plan_sequential(500, GateLimits(0.05), Schedule(), Answers(0.7, 0.0, 0.5), sets=6000, seed=3)
    assert sum(same.rates.values()) == pytest.approx(1.0)
    assert same.rates[GateOutcome.WORSE] + same.rates[GateOutcome.FAIL] <= 0.056
    worse = plan_sequential(500, GateLimits(0.05), Schedule(), Answers(0.7, 0.06, 0.5), sets=6000, seed=3)
    assert worse.rates[GateOutcome.WORSE] > 0.3
    assert worse.rates[GateOutcome.PASS] + worse.rates[GateOutcome.DEGRADED] <= 0.056


@pytest.mark.slow("simulates 400 gates over 4 tasks")
def test_claims_of_both_kinds_together_err_at_most_at_alpha() -> None:
    """Two tasks unchanged, two with a drop of just the margin: "worse" is false of the first, FAIL of the second."""
    rng, policy, wrong = np.random.default_rng(12), Policy(margin=Margin(0.05)), 0
    for _ in range(400):
        pairs = []
        for number, drop in enumerate((0.0, 0.0, 0.05, 0.05)):
            p = rng.random(400)
            before, after = p < 0.7, rng.permutation(p) < 0.7 - drop
            pairs.append(pair_task(*(side([float(v) for v in one], f"t{number}") for one in (before, after))))
        said = [row.verdict.outcome for row in assess(pairs, policy)]
        wrong += any(one.blocks for one in said[:2]) or GateOutcome.FAIL in said[2:]
    # 400 draws at 5 %: 20 expected at most, standard deviation 4.4.
    assert wrong <= 33
