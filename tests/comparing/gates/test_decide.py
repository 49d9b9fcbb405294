"""Verdicts on made-up pairs whose outcome is known, and what the reasons say."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from evalkit.comparing.gates import GateLimits, GateOutcome, Pairs
from evalkit.comparing.gates.decide import decide
from evalkit.comparing.gates.statistic import PairedRows, Statistic, decide_statistic
from evalkit.core import Estimate
from evalkit.stats import bootstrap_interval

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

RNG = np.random.default_rng(3)


def flipped(n: int, losses: int, gains: int, higher_is_better: bool = True) -> Pairs:
    """n pairs, of which `losses` were right and are wrong, and `gains` the other way round."""
    before, after = np.ones(n), np.ones(n)
    after[:losses] = 0.0
    before[losses : losses + gains] = 0.0
    return Pairs(before, after, higher_is_better=higher_is_better)


@pytest.mark.parametrize(
    ("n", "losses", "gains", "expected"),
    [
        (1000, 10, 11, GateOutcome.PASS),
        (1000, 0, 0, GateOutcome.PASS),
        (1000, 100, 10, GateOutcome.FAIL),
        (1000, 20, 4, GateOutcome.DEGRADED),
        (1000, 40, 20, GateOutcome.WORSE),
        (1000, 60, 46, GateOutcome.INCONCLUSIVE),
        (50, 0, 0, GateOutcome.INCONCLUSIVE),
        (50, 30, 0, GateOutcome.FAIL),
        (1000, 0, 200, GateOutcome.PASS),
    ],
)
def test_outcomes_for_a_margin_of_three_points(n: int, losses: int, gains: int, expected: GateOutcome) -> None:
    assert decide(flipped(n, losses, gains), GateLimits(0.03)).outcome is expected


def test_any_drop_blocks_makes_a_significant_drop_a_failure() -> None:
    blocking = GateLimits(0.03, any_drop_blocks=True)
    assert decide(flipped(1000, 20, 4), blocking).outcome is GateOutcome.FAIL
    assert decide(flipped(1000, 10, 11), blocking).outcome is GateOutcome.PASS


def test_a_significant_drop_that_may_exceed_the_margin_does_not_get_through() -> None:
    found = decide(flipped(1000, 40, 20), GateLimits(0.03))
    assert found.high < 0.0
    assert found.low < -0.03
    assert found.outcome is GateOutcome.WORSE
    assert found.reason.startswith("It got worse: there is a drop, of ")


@pytest.mark.parametrize(("losses", "gains"), [(10, 11), (100, 10), (20, 4), (40, 20), (0, 0)])
def test_where_lower_is_better_a_rise_is_the_loss(losses: int, gains: int) -> None:
    higher, lower = flipped(1000, losses, gains), flipped(1000, gains, losses, higher_is_better=False)
    one, other = decide(higher, GateLimits(0.03)), decide(lower, GateLimits(0.03))
    assert (one.outcome, one.needed) == (other.outcome, other.needed)
    assert re.sub(r"\bdrop\b", "rise", one.reason) == other.reason
    assert "drop" not in other.reason
    # Differences stay in the metric's own direction.
    assert (other.difference, other.low) == (pytest.approx(-one.difference), pytest.approx(-one.high))


def test_a_verdict_shows_what_it_rests_on() -> None:
    found = decide(flipped(1000, 28, 20), GateLimits(0.05))
    assert (found.baseline, found.candidate) == (0.98, 0.972)
    assert (found.n, found.clusters, found.how, found.margin) == (1000, 1000, "score", 0.05)
    assert found.mcnemar_p == pytest.approx(scipy.stats.binomtest(20, 48).pvalue, abs=1e-9)
    assert found.difference == pytest.approx(-0.008)
    assert found.reason == f"A drop, if there is any, is at most {-found.low:.4f}, less than the margin of 0.05."
    points = f"{-100 * found.low:.2f}".rstrip("0")
    told = decide(flipped(1000, 28, 20), GateLimits(0.05, proportion=True)).reason
    assert told == f"A drop, if there is any, is at most {points} points, less than the margin of 5 points."


def test_mcnemar_is_for_single_independent_right_and_wrong_answers() -> None:
    pairs = flipped(100, 5, 3)
    assert decide(pairs, GateLimits(0.1)).mcnemar_p is not None
    clustered = Pairs(pairs.baseline, pairs.candidate, np.repeat(np.arange(20), 5))
    assert decide(clustered, GateLimits(0.1)).mcnemar_p is None
    assert decide(Pairs(pairs.baseline, pairs.candidate, np.arange(100)), GateLimits(0.1)).mcnemar_p is not None
    assert decide(Pairs(pairs.baseline, pairs.candidate, repeats=True), GateLimits(0.1)).mcnemar_p is None
    assert decide(Pairs(pairs.baseline / 2, pairs.candidate / 2), GateLimits(0.1)).mcnemar_p is None


def test_needed_samples_of_the_same_kind_do_decide() -> None:
    pairs = flipped(200, 6, 5)
    found = decide(pairs, GateLimits(0.03))
    assert found.outcome is GateOutcome.INCONCLUSIVE
    assert found.needed is not None
    times = math.ceil(found.needed / 200)
    more = Pairs(np.tile(pairs.baseline, times), np.tile(pairs.candidate, times))
    assert decide(more, GateLimits(0.03)).outcome is GateOutcome.PASS
    fewer = Pairs(np.tile(pairs.baseline, times - 1), np.tile(pairs.candidate, times - 1))
    assert decide(fewer, GateLimits(0.03)).outcome is GateOutcome.INCONCLUSIVE


def test_a_drop_of_just_the_margin_is_decided_by_no_number_of_samples() -> None:
    found = decide(flipped(1000, 30, 0), GateLimits(0.03))
    assert (found.outcome, found.needed) == (GateOutcome.WORSE, None)


def test_clusters_make_a_verdict_harder() -> None:
    pairs = flipped(1000, 10, 11)
    clusters = np.repeat(np.arange(20), 50)
    assert decide(pairs, GateLimits(0.03)).outcome is GateOutcome.PASS
    together = decide(Pairs(pairs.baseline, pairs.candidate, clusters), GateLimits(0.03))
    assert together.outcome is GateOutcome.INCONCLUSIVE
    assert together.clusters == 20


@pytest.mark.parametrize(
    ("pairs", "how"),
    [
        (Pairs(np.zeros(0), np.zeros(0)), "n=0"),
        (Pairs(np.ones(1), np.ones(1)), "one sample"),
        (Pairs(np.ones(20), np.ones(20), np.zeros(20, dtype=np.int64)), "one cluster"),
    ],
)
def test_what_says_nothing_about_variation_is_inconclusive(pairs: Pairs, how: str) -> None:
    found = decide(pairs, GateLimits(0.5))
    assert (found.outcome, found.how) == (GateOutcome.INCONCLUSIVE, how)
    assert math.isnan(found.low)


class TestZeroTolerance:
    limits = GateLimits(0.0, zero_tolerance=True)

    def test_one_sample_that_got_worse_fails_whatever_got_better(self) -> None:
        found = decide(flipped(1000, 1, 50), self.limits)
        assert found.outcome is GateOutcome.FAIL
        assert found.reason == "1 of 1000 samples got worse, and none may."

    def test_none_passes_and_says_what_could_have_gone_unseen(self) -> None:
        found = decide(flipped(100, 0, 3), self.limits)
        assert found.outcome is GateOutcome.PASS
        # 1 - 0.05^(1/100)
        assert "2.95%" in found.reason

    def test_lower_scores_may_be_the_better_ones(self) -> None:
        assert decide(flipped(100, 3, 0, higher_is_better=False), self.limits).outcome is GateOutcome.PASS
        assert decide(flipped(100, 0, 1, higher_is_better=False), self.limits).outcome is GateOutcome.FAIL

    def test_no_sample_is_no_pass(self) -> None:
        assert decide(Pairs(np.zeros(0), np.zeros(0)), self.limits).outcome is GateOutcome.INCONCLUSIVE

    def test_a_statistic_of_all_samples_has_no_single_ones(self) -> None:
        with pytest.raises(ValueError, match="every sample"):
            decide_statistic(PairedRows(np.ones((3, 1)), np.ones((3, 1))), Statistic(ratio_of), self.limits)


@given(st.integers(2, 200), st.data(), st.sampled_from([0.0, 0.01, 0.05, 0.2]), st.booleans())
def test_verdicts_agree_with_the_bounds_they_show(n: int, data: st.DataObject, margin: float, blocks: bool) -> None:
    losses = data.draw(st.integers(0, n))
    found = decide(
        flipped(n, losses, data.draw(st.integers(0, n - losses))), GateLimits(margin, any_drop_blocks=blocks)
    )
    if found.high < -margin or (blocks and found.high < 0.0):
        assert found.outcome is GateOutcome.FAIL
    elif found.low > -margin:
        assert found.outcome is (GateOutcome.DEGRADED if found.high < 0.0 else GateOutcome.PASS)
    else:
        assert found.outcome is GateOutcome.INCONCLUSIVE


def ratio_of(rows: FloatRows, clusters: IntArray) -> Estimate:
    return bootstrap_interval(rows, lambda sums, counts: np.exp(sums[:, 0] / sums[:, 1]), clusters, seed=1)


PERPLEXITY = Statistic(ratio_of, higher_is_better=False)


class TestStatistics:
    """A perplexity: exp(Σ nats / Σ words), where lower is better."""

    baseline = np.column_stack([RNG.gamma(20, 1, size=150), RNG.integers(8, 15, size=150).astype(float)])

    def decided(self, factor: float, margin: float) -> tuple[GateOutcome, float]:
        noise = np.random.default_rng(12).normal(1, 0.02, size=150)
        candidate = self.baseline * np.column_stack([factor * noise / noise.mean(), np.ones(150)])
        found = decide_statistic(
            PairedRows(self.baseline, candidate), PERPLEXITY, GateLimits(margin), seed=1, resamples=400
        )
        assert found.low < found.difference < found.high
        assert found.candidate - found.baseline == pytest.approx(found.difference)
        return found.outcome, found.difference

    def test_alike_passes(self) -> None:
        assert self.decided(1.0, 0.3)[0] is GateOutcome.PASS

    def test_much_worse_fails(self) -> None:
        outcome, difference = self.decided(1.2, 0.3)
        assert (outcome, difference > 1.0) == (GateOutcome.FAIL, True)

    def test_better_passes(self) -> None:
        assert self.decided(0.9, 0.0)[0] is GateOutcome.PASS

    def test_slightly_worse_is_degraded(self) -> None:
        assert self.decided(1.02, 0.5)[0] is GateOutcome.DEGRADED

    def test_the_same_seed_gives_the_same_verdict(self) -> None:
        candidate = self.baseline * [1.01, 1.0]
        once, again = (
            decide_statistic(PairedRows(self.baseline, candidate), Statistic(ratio_of), GateLimits(0.1), seed=4)
            for _ in range(2)
        )
        assert once == again

    def test_too_few_samples_say_how_many_would_do(self) -> None:
        candidate = self.baseline[:8] * np.column_stack([RNG.normal(1, 0.05, size=8), np.ones(8)])
        found = decide_statistic(PairedRows(self.baseline[:8], candidate), PERPLEXITY, GateLimits(0.02), seed=1)
        assert found.outcome is GateOutcome.INCONCLUSIVE
        assert found.needed is None or found.needed > 8

    def test_rows_of_other_numbers_are_no_pairs(self) -> None:
        with pytest.raises(ValueError, match="7 baseline rows for 8"):
            PairedRows(self.baseline[:7], self.baseline[:8])


@pytest.mark.parametrize("margin", [-0.1, math.nan, math.inf])
def test_margins_are_numbers_from_0(margin: float) -> None:
    with pytest.raises(ValueError, match="margin"):
        GateLimits(margin)


@pytest.mark.parametrize("confidence", [0.05, 0.5, 1.0, 95])
def test_confidence_is_more_than_a_toss(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        GateLimits(0.1, confidence)
