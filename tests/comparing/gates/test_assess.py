"""Rows of a gate: margins, slices, ceilings, and the correction where several may fail."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evalkit.comparing import Column, PairedTask, pair_task
from evalkit.comparing.gates import GateOutcome
from evalkit.comparing.gates.assess import assess
from evalkit.comparing.gates.policy import Margin, Policy, TaskPolicy
from evalkit.comparing.side import MeanCost
from evalkit.core import UsageError
from evalkit.scoring.metrics import word_perplexity
from tests.comparing.sides import side


def pair(before: list[float], after: list[float], name: str = "quiz", **more: Any) -> PairedTask:
    return pair_task(side(before, name), side(after, name, **more))


def outcomes(pairs: list[PairedTask], policy: Policy) -> list[str]:
    return [row.verdict.outcome.value for row in assess(pairs, policy)]


RIGHT = [1.0] * 700 + [0.0] * 300
WORSE = [1.0] * 600 + [0.0] * 400


def test_each_task_has_its_own_margin() -> None:
    pairs = [pair(RIGHT, WORSE, "a"), pair(RIGHT, WORSE, "b")]
    policy = Policy(margin=Margin(0.02), tasks={"b": TaskPolicy(margin=Margin(0.2))}, degraded_blocks=False)
    assert outcomes(pairs, policy) == ["FAIL", "DEGRADED"]


def test_degraded_blocks_where_the_policy_says_so() -> None:
    for blocks in (False, True):
        (row,) = assess([pair(RIGHT, WORSE)], Policy(margin=Margin(0.2), degraded_blocks=blocks))
        assert row.verdict.outcome is GateOutcome.DEGRADED
        assert row.blocks is blocks


def test_a_slice_is_decided_on_its_own_samples() -> None:
    after = [0.0 if i % 2 else value for i, value in enumerate(RIGHT)]
    policy = Policy(margin=Margin(0.4), tasks={"quiz": TaskPolicy(slices={"odd": Margin(0.1), "even": None})})
    whole, odd, even = assess([pair(RIGHT, after)], policy)
    assert (whole.part, odd.part, even.part) == ("", "odd", "even")
    assert (odd.verdict.n, odd.verdict.outcome, odd.verdict.margin) == (500, GateOutcome.FAIL, 0.1)
    assert (even.verdict.outcome, even.verdict.difference) == (GateOutcome.PASS, 0.0)
    assert {int(sample) % 2 for sample in odd.worse} == {1}
    with pytest.raises(UsageError, match="no slice 'od'"):
        assess([pair(RIGHT, after)], Policy(tasks={"quiz": TaskPolicy(slices={"od": None})}))


def test_zero_tolerance_fails_at_one_sample() -> None:
    policy = Policy(tasks={"quiz": TaskPolicy(zero_tolerance=True)})
    assert outcomes([pair(RIGHT, RIGHT)], policy) == ["PASS"]
    assert outcomes([pair(RIGHT, [0.0, *RIGHT[1:]])], policy) == ["FAIL"]


def test_what_fails_alone_and_not_among_many_keeps_what_holds() -> None:
    # 1,000 samples, 22 lost and 6 won: the upper bound of the change is just below 0 at 95 %.
    before, after = [1.0] * 22 + [0.0] * 6 + [1.0] * 972, [0.0] * 22 + [1.0] * 6 + [1.0] * 972
    policy = Policy(margin=Margin(0.005))
    alone = outcomes([pair(before, after)], policy)
    assert alone == ["FAIL"]
    many = [pair(before, after, "x"), *(pair(RIGHT, RIGHT, f"t{n}") for n in range(19))]
    rows = assess(many, policy)
    # One-sided p of "it got worse" is 0.002, and 0.05 over 20 is 0.0025: that much holds among all.
    assert rows[0].verdict.outcome is GateOutcome.WORSE
    assert "worse than the margin by itself, but not after Holm's correction for 20 decisions" in rows[0].verdict.reason
    # A drop that is beyond doubt fails among any number.
    assert outcomes([pair(RIGHT, WORSE, "x"), *many[1:]], policy)[0] == "FAIL"


@pytest.mark.slow("simulates 360 gates")
def test_unchanged_tasks_fail_no_more_often_together_than_one_does() -> None:
    """P(any of 6 fails | no change) ≤ α, with a margin of 0, where every bound counts."""
    rng = np.random.default_rng(11)
    failed = 0
    for _ in range(60):
        pairs = []
        for number in range(6):
            both = rng.random((200, 2)) < 0.6
            pairs.append(pair([float(v) for v in both[:, 0]], [float(v) for v in both[:, 1]], f"t{number}"))
        failed += not {"FAIL", "WORSE"}.isdisjoint(outcomes(pairs, Policy(margin=Margin(0.0))))
    # 60 draws at 5 %: 3 expected, standard deviation 1.7. Without the correction it would be 16.
    assert failed <= 8


def test_ceilings_hold_what_a_sample_costs() -> None:
    before, after = side([1.0] * 200), side([1.0] * 200)
    rng = np.random.default_rng(2)
    before.costs["seconds"] = 1.0 + 0.1 * rng.random(200)
    after.costs["seconds"] = 1.5 * before.costs["seconds"]
    for allowed, outcome in ((0.2, "FAIL"), (0.6, "DEGRADED")):
        rows = assess([pair_task(before, after)], Policy(ceilings={"seconds": allowed}))
        assert rows[1].metric == "seconds per sample"
        assert rows[1].verdict.outcome.value == outcome
    # A baseline file keeps the mean, the deviation and the number; that of an older evalkit the mean alone.
    for kept in (MeanCost(1.05, 0.03, 200), MeanCost(1.05)):
        before.costs, before.mean_costs = {}, {"seconds": kept}
        row = assess([pair_task(before, after)], Policy(ceilings={"seconds": 0.2}))[1]
        assert row.verdict.outcome is GateOutcome.FAIL
    assert row.verdict.how.endswith("two means, the baseline's deviation not kept: the candidate's taken for it")
    with pytest.raises(UsageError, match="do not say what a sample took in cost"):
        assess([pair_task(before, after)], Policy(ceilings={"cost": 0.2}))


def test_invalid_replies_have_a_ceiling_as_a_share() -> None:
    after = side([1.0] * 10)
    after.validity = ["ok"] * 8 + ["refused", "no_answer"]
    rows = assess([pair_task(side([1.0] * 10), after)], Policy(invalid_proportion=0.1))
    assert rows[-1].verdict.outcome is GateOutcome.FAIL
    assert rows[-1].verdict.reason == "20.0 % of the replies are invalid; 10 % are allowed"
    assert (
        assess([pair_task(side([1.0] * 10), after)], Policy(invalid_proportion=0.2))[-1].verdict.outcome
        is GateOutcome.PASS
    )


def test_a_metric_that_is_no_mean_is_decided_by_its_own_estimate() -> None:
    rng = np.random.default_rng(3)
    words = rng.integers(50, 150, 120).astype(float)
    nats = words * (4.0 + 0.3 * rng.standard_normal(120))
    metric = word_perplexity()
    sides = [side([1.0] * 120), side([1.0] * 120)]
    for one, factor in zip(sides, (1.0, 1.1), strict=True):
        rows = np.stack([nats * factor, words], axis=1)
        one.columns = {"word_perplexity": Column("word_perplexity", rows, False, "number", metric.estimate)}
        one.primary_metric = "word_perplexity"
    (row,) = assess([pair_task(*sides)], Policy(margin=Margin(0.05, relative=True)))
    verdict = row.verdict
    assert verdict.baseline == pytest.approx(np.exp(nats.sum() / words.sum()))
    assert verdict.candidate == pytest.approx(np.exp(1.1 * nats.sum() / words.sum()))
    assert verdict.margin == pytest.approx(0.05 * verdict.baseline)
    assert verdict.outcome is GateOutcome.FAIL
    assert len(row.worse) == 120
    # Where only rows are known on both sides, nobody can compute it.
    for one in sides:
        known = one.columns["word_perplexity"]
        one.columns["word_perplexity"] = Column(known.name, known.rows, False, "number")
    with pytest.raises(UsageError, match="not a mean of samples"):
        assess([pair_task(*sides)], Policy())
