"""Sequential gates: the levels of the looks, batches, and that all looks together keep the error rate."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.comparing.gates import GateLimits, GateOutcome, Pairs
from evalkit.comparing.gates.decide import decide, outcomes
from evalkit.comparing.gates.planning import rates
from evalkit.comparing.gates.sequential import Schedule, batches, decide_look, plan_sequential
from evalkit.stats.simulated_answers import Answers, draw, draw_moments, flips, moments_of

THREE = Schedule((0.25, 0.5, 1.0))


def test_early_looks_are_stricter() -> None:
    levels = THREE.levels(0.05)
    assert levels[0] < levels[1] < levels[2] < 0.05
    pocock = Schedule((0.25, 0.5, 1.0), "pocock").levels(0.05)
    assert pocock[0] > 5 * levels[0]


def test_batches_share_out_all_samples() -> None:
    found = batches(1000, THREE, seed=3)
    assert [len(batch) for batch in found] == [250, 250, 500]
    assert sorted(np.concatenate(found).tolist()) == list(range(1000))
    assert not np.array_equal(found[0], np.arange(250))
    assert all(np.array_equal(a, b) for a, b in zip(found, batches(1000, THREE, seed=3), strict=True))


def test_batches_keep_clusters_whole() -> None:
    clusters = np.repeat(np.arange(40), 5)
    seen: set[int] = set()
    for batch in batches(200, THREE, clusters=clusters, seed=1):
        members = set(clusters[batch].tolist())
        assert len(batch) == 5 * len(members)
        assert not members & seen
        seen |= members
    assert len(seen) == 40


def test_looks_need_samples() -> None:
    with pytest.raises(ValueError, match="3 looks at 2"):
        batches(10, THREE, clusters=np.repeat([0, 1], 5))
    with pytest.raises(ValueError, match="looks at"):
        plan_sequential(40, GateLimits(0.1), Schedule(), Answers(0.5, 0.0, 0.5, 20, 0.1))


def test_a_look_decides_at_its_own_level() -> None:
    before, after, _ = flips(Answers(0.8, 0.0, 0.9), 400, np.random.default_rng(1))
    pairs = Pairs(before, after)
    early, last = decide_look(pairs, GateLimits(0.05), THREE, 0), decide_look(pairs, GateLimits(0.05), THREE, 2)
    assert early.low < last.low < decide(pairs, GateLimits(0.05)).low + 1e-3
    assert "look 1 of 3 at a level of" in early.how
    alone = decide(pairs, GateLimits(0.05, 1 - THREE.levels(0.05)[0]))
    assert (early.outcome, early.low) == (alone.outcome, alone.low)


def test_zero_tolerance_fails_at_once_and_passes_last() -> None:
    strict = GateLimits(0.0, zero_tolerance=True)
    fine = Pairs(np.ones(50), np.ones(50))
    assert decide_look(fine, strict, THREE, 0).outcome is GateOutcome.INCONCLUSIVE
    assert decide_look(fine, strict, THREE, 2).outcome is GateOutcome.PASS
    broken = Pairs(np.ones(50), np.append(np.ones(49), 0.0))
    assert decide_look(broken, strict, THREE, 0).outcome is GateOutcome.FAIL


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
@pytest.mark.parametrize("answers", [Answers(0.8, 0.0, 0.8), Answers(0.9, 0.0, 0.5, 5, 0.2)])
def test_all_looks_together_err_no_more_than_alpha(spending: str, answers: Answers) -> None:
    schedule = Schedule(spending=spending)  # type: ignore[arg-type]
    worse = Answers(answers.proportion, 0.05, answers.correlation, answers.size, answers.icc)
    dropped = plan_sequential(1500, GateLimits(0.05), schedule, worse, sets=6000, seed=2)
    same = plan_sequential(1500, GateLimits(0.05, any_drop_blocks=True), schedule, answers, sets=6000, seed=2)
    assert dropped.rates[GateOutcome.PASS] + dropped.rates[GateOutcome.DEGRADED] < 0.055
    assert same.rates[GateOutcome.FAIL] < 0.055
    # It does stop early, and looking at the full level every time would err more.
    assert same.expected_n < 0.8 * 1500
    assert same.stopped[0] <= same.stopped[-1] > 0.8


def test_looking_without_a_correction_errs_more() -> None:
    answers = Answers(0.8, 0.05, 0.8)
    rng = np.random.default_rng(4)
    errors = np.zeros(4000, bool)
    let_through = [list(GateOutcome).index(outcome) for outcome in (GateOutcome.PASS, GateOutcome.DEGRADED)]
    so_far = draw(answers, 300, 4000, rng)
    for _ in range(5):
        errors |= np.isin(outcomes(moments_of([so_far]), GateLimits(0.05)), let_through)
        so_far = so_far + draw(answers, 300, 4000, rng)
    assert errors.mean() > 0.08


def test_one_look_is_the_gate_of_fixed_size() -> None:
    answers = Answers(0.7, 0.0, 0.8)
    found = plan_sequential(400, GateLimits(0.04), Schedule((1.0,)), answers, sets=8000, seed=6)
    fixed = rates(draw_moments(answers, 400, 8000, np.random.default_rng(7)), GateLimits(0.04))
    for outcome in GateOutcome:
        assert found.rates[outcome] == pytest.approx(fixed[outcome], abs=0.03)
    assert found.expected_n == 400
