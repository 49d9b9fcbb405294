"""Plans and runs share one calculation of what would decide, and a gate says beforehand what it can tell."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.comparing import Column, pair_task
from evalkit.comparing.gates import GateOutcome, Opened, gate
from evalkit.comparing.gates.expectation import Asked, expectations, planned
from evalkit.comparing.gates.outputs import markdown, sentences
from evalkit.comparing.gates.policy import Margin, Policy, TaskPolicy
from evalkit.comparing.pairing import values_of
from evalkit.scoring.metrics import mean
from tests.comparing.sides import side

RNG = np.random.default_rng(4)
SOME = [float(value) for value in RNG.random(200) < 0.7]


def opened(values: list[float], name: str = "quiz") -> Opened:
    return Opened(name, {"quiz": side(values)})


def test_five_unchanged_problems_ask_for_what_a_plan_asks_for() -> None:
    """`gate plan` said that 3,032 samples were needed where `gate run` said 155."""
    values = [1.0, 1.0, 1.0, 0.0, 0.0]
    found = gate(opened(values), opened(values), Policy())
    paired = pair_task(side(values), side(values))
    before = planned(Asked.of(paired, "acc", Policy())).needed
    again = planned(Asked.of(paired, "acc", Policy(), again=values_of(paired, "acc")), sets=2000).needed
    (row,) = found.rows
    assert row.verdict.outcome is GateOutcome.INCONCLUSIVE
    assert row.verdict.needed == again
    assert before is not None and again is not None
    assert 0.5 * before < again < before
    assert f"about {again:,} samples would decide (there are 5)" in sentences.reason(row)


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_five_equal_scores_do_not_say_that_none_can_change(score: float) -> None:
    """They asked for 155 samples; half a sample of the other kind is in every plan."""
    values = [score] * 5
    (row,) = gate(opened(values), opened(values), Policy()).rows
    assert row.verdict.needed is not None and row.verdict.needed > 500


def test_many_measured_pairs_count_more_than_what_was_assumed() -> None:
    """2,000 pairs of which 2 % differ, by an oracle: φ of a table with 20 changes each way at p = 0.7."""
    before = np.asarray([1.0] * 1400 + [0.0] * 600)
    after = before.copy()
    after[:20], after[1400:1420] = 0.0, 1.0
    paired = pair_task(side(before.tolist()), side(after.tolist()))
    asked = Asked.of(paired, "acc", Policy(), again=values_of(paired, "acc"))
    assert asked.correlation == pytest.approx(float(np.corrcoef(before, after)[0, 1]), abs=0.005)
    assert Asked.of(paired, "acc", Policy()).correlation == 0.5


def test_graded_scores_mix_measured_and_assumed_differences() -> None:
    """The variance of a mixture is the weighted mean of its parts' second moments."""
    metric = mean("grade", scale="number", ends=(1.0, 10.0))
    grades = RNG.integers(1, 11, 40).astype(float)
    sides = [side([1.0] * 40), side([1.0] * 40)]
    for one, rows in zip(sides, (grades, np.clip(grades + RNG.choice([-1, 0, 1], 40), 1, 10)), strict=True):
        one.columns, one.primary_metric = {"grade": Column.of(metric, rows[:, None])}, "grade"
    paired = pair_task(*sides)
    levels, chances = Asked.of(paired, "grade", Policy(), again=values_of(paired, "grade")).kinds
    assumed, weights = Asked.of(paired, "grade", Policy()).kinds
    d = values_of(paired, "grade").candidate - values_of(paired, "grade").baseline
    expected = (10 * float(weights @ assumed**2) + 40 * float((d**2).mean())) / 50
    assert float(chances.sum()) == pytest.approx(1.0)
    assert float(chances @ levels**2) == pytest.approx(expected)


def test_what_a_gate_can_tell_is_said_and_no_margin_is_taken_from_it() -> None:
    (found,) = expectations([pair_task(side(SOME), side(SOME))], Policy())
    assert (found.n, found.margin) == (200, 0.02)
    assert found.passes < 0.3
    assert 0.05 < found.smallest < 0.15
    assert found.needed is not None and found.needed > 2000
    # What is promised for the smallest margin holds there.
    (wide,) = expectations([pair_task(side(SOME), side(SOME))], Policy(margin=Margin(found.smallest + 0.002)))
    assert wide.passes >= 0.8
    report = gate(opened(SOME), opened(SOME), Policy())
    report.expected = (found,)
    (line,) = sentences.expected(report)
    assert line.startswith("quiz acc: 200 samples and a margin of 2 points let an unchanged model pass with ")
    assert f"; 80 % take a margin of {100 * found.smallest:.3g} points or {found.needed:,} samples" in line
    assert line.split(";")[0] in markdown(report)
    assert report.rows[0].verdict.margin == 0.02


def test_nothing_is_expected_of_what_is_not_decided_by_power() -> None:
    pairs = [pair_task(side(SOME), side(SOME))]
    assert expectations(pairs, Policy(tasks={"quiz": TaskPolicy(zero_tolerance=True)})) == ()
    assert expectations(pairs, Policy(mean=Margin(0.01), each=False)) == ()
