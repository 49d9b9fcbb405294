"""The adaptive gate's verdict: bounds that hold whenever it stops, and error rates by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evalkit.comparing.gates import GateLimits, GateOutcome, Pairs
from evalkit.comparing.gates.anytime import anytime_verdict
from evalkit.comparing.gates.look_rules import AdaptiveLooks, ScheduledLooks
from evalkit.comparing.pairing import Lost
from evalkit.core import UsageError
from evalkit.stats.simulated_answers import Answers, flips

BOUNDED = (0.0, 1.0)
THROUGH = (GateOutcome.PASS, GateOutcome.DEGRADED)


def pairs_of(n: int, losses: int, gains: int = 0) -> Pairs:
    before = np.concatenate([np.ones(losses), np.zeros(gains), np.ones(n - losses - gains)])
    after = np.concatenate([np.zeros(losses), np.ones(gains), np.ones(n - losses - gains)])
    return Pairs(before, after, ends=BOUNDED)


def test_no_change_passes_and_says_its_bounds() -> None:
    found = anytime_verdict(pairs_of(400, 0), GateLimits(0.02))
    assert (found.outcome, found.difference, found.how) == (GateOutcome.PASS, 0.0, "bets")
    assert -0.02 < found.low < 0.0 < found.high < 0.02
    assert found.p_value == 1.0


def test_a_large_drop_fails_and_a_small_one_is_degraded() -> None:
    failed = anytime_verdict(pairs_of(200, 60), GateLimits(0.02))
    assert (failed.outcome, failed.needed) == (GateOutcome.FAIL, None)
    assert failed.p_value < 1e-6
    degraded = anytime_verdict(pairs_of(20_000, 200), GateLimits(0.02))
    assert degraded.outcome is GateOutcome.DEGRADED
    assert degraded.high < 0.0
    blocked = anytime_verdict(pairs_of(20_000, 200), GateLimits(0.02, any_drop_blocks=True))
    assert blocked.outcome is GateOutcome.FAIL


def test_few_samples_are_inconclusive_with_the_number_that_would_decide() -> None:
    found = anytime_verdict(pairs_of(60, 1, 1), GateLimits(0.02))
    assert found.outcome is GateOutcome.INCONCLUSIVE
    assert found.needed is not None
    more = found.needed / 60
    few = pairs_of(60, 1, 1)
    times = math.ceil(more)
    enough = Pairs(np.tile(few.baseline, times), np.tile(few.candidate, times), ends=BOUNDED)
    assert anytime_verdict(enough, GateLimits(0.02)).outcome is GateOutcome.PASS


def test_where_lower_is_better_a_rise_is_the_loss() -> None:
    worse = Pairs(np.zeros(200), np.append(np.ones(60), np.zeros(140)), higher_is_better=False, ends=BOUNDED)
    found = anytime_verdict(worse, GateLimits(0.02))
    assert (found.outcome, found.difference) == (GateOutcome.FAIL, 0.3)
    assert 0.0 < found.low < 0.3 < found.high


def test_lost_samples_count_at_their_worst() -> None:
    lost = Lost(np.arange(30), np.ones(30), np.full(30, math.nan), None)
    whole = Pairs(np.ones(600), np.ones(600), ends=BOUNDED, lost=lost)
    found = anytime_verdict(whole, GateLimits(0.02))
    assert (found.outcome, found.left_out) == (GateOutcome.INCONCLUSIVE, 30)
    assert found.low < -0.04
    assert anytime_verdict(pairs_of(600, 0), GateLimits(0.02)).outcome is GateOutcome.PASS


def test_scores_without_ends_are_refused() -> None:
    with pytest.raises(UsageError, match="scores with ends"):
        anytime_verdict(Pairs(np.ones(5), np.ones(5)), GateLimits(0.1))


def test_grades_are_decided_on_their_own_scale() -> None:
    grades = np.full(500, 8.0)
    found = anytime_verdict(Pairs(grades, grades, ends=(1.0, 10.0)), GateLimits(0.18))
    assert found.outcome is GateOutcome.PASS
    assert found.low == pytest.approx(9 * anytime_verdict(pairs_of(500, 0), GateLimits(0.02)).low)


def test_zero_tolerance_fails_at_once_and_passes_last() -> None:
    strict = GateLimits(0.0, zero_tolerance=True)
    assert anytime_verdict(pairs_of(50, 0), strict, last=False).outcome is GateOutcome.INCONCLUSIVE
    assert anytime_verdict(pairs_of(50, 0), strict).outcome is GateOutcome.PASS
    assert anytime_verdict(pairs_of(50, 1), strict, last=False).outcome is GateOutcome.FAIL


def test_the_next_look_is_as_large_as_the_verdict_may_need() -> None:
    rule = AdaptiveLooks()
    sizes = [(1000, 1000)]
    assert rule.proportion(0, sizes) == pytest.approx(0.05)
    rule.decide(pairs_of(50, 0), GateLimits(0.06), 0, last=False, largest=1)
    grown = rule.proportion(1, sizes)
    assert 0.05 * 1.15 <= grown <= 0.1
    rule.decide(pairs_of(100, 5, 5), GateLimits(0.02), 1, last=False, largest=1)
    assert rule.proportion(2, sizes) == pytest.approx(2 * grown)
    assert [rule.proportion(look, sizes) for look in range(3, 9)][-1] == 1.0
    assert AdaptiveLooks().proportion(0, [(30, 30), (1000, 1000)]) == pytest.approx(20 / 30)


def test_twenty_looks_are_the_most() -> None:
    with pytest.raises(UsageError, match="2 to 20 looks"):
        ScheduledLooks.of(21)


@pytest.mark.slow("stops hundreds of gates early")
@pytest.mark.parametrize(
    "answers",
    [Answers(0.7, 0.05, 0.9), Answers(0.95, 0.05, 0.5), Answers(0.8, 0.05, 0.8, 10, 0.2)],
)
def test_gates_that_stop_when_they_like_let_no_drop_of_the_margin_through(answers: Answers) -> None:
    """Looks at every growth of 40 %, of 800 samples in whole clusters: 5 % of 80 and three deviations are 9."""
    same = Answers(answers.proportion, 0.0, answers.correlation, answers.size, answers.icc)
    through = failed = 0
    for seed in range(80):
        through += stopped(answers, GateLimits(0.05), seed) in THROUGH
        failed += stopped(same, GateLimits(0.05, any_drop_blocks=True), seed) is GateOutcome.FAIL
    assert through <= 9
    assert failed <= 9


def stopped(answers: Answers, limits: GateLimits, seed: int) -> GateOutcome:
    before, after, clusters = flips(answers, 800, np.random.default_rng(seed))
    n, outcome = 50.0, GateOutcome.INCONCLUSIVE
    while outcome is GateOutcome.INCONCLUSIVE and n < 1120:
        kept = slice(0, int(min(n, 800)) // answers.size * answers.size)
        numbers = clusters[kept] if answers.size > 1 else None
        pairs = Pairs(before[kept], after[kept], numbers, ends=BOUNDED)
        outcome = anytime_verdict(pairs, limits, largest=answers.size).outcome
        n *= 1.4
    return outcome
