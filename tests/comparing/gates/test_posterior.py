"""The posterior beside a verdict, against Dirichlet draws."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.comparing.gates import GateLimits, GateOutcome, Pairs
from evalkit.comparing.gates.decide import decide
from evalkit.comparing.gates.posterior import posterior

TINY = Pairs(np.array([1.0] * 9 + [0.0] * 3), np.array([1.0] * 8 + [0.0] + [1.0] + [0.0] * 2))


def test_a_tiny_set_that_is_inconclusive_still_says_what_to_believe() -> None:
    assert decide(TINY, GateLimits(0.1)).outcome is GateOutcome.INCONCLUSIVE
    found = posterior(TINY, GateLimits(0.1))
    drawn = np.random.default_rng(2).dirichlet([1.5, 1.5, 10.5], 400_000)
    difference = drawn[:, 0] - drawn[:, 1]
    assert found.inside == pytest.approx((difference > -0.1).mean(), abs=0.003)
    assert found.worse == pytest.approx(0.5, abs=1e-6)
    low, high = np.quantile(difference, [0.05, 0.95])
    assert (found.difference.low, found.difference.high) == (
        pytest.approx(low, abs=0.003),
        pytest.approx(high, abs=0.003),
    )


def test_lower_may_be_better() -> None:
    worse = Pairs(np.zeros(12), np.array([1.0] * 4 + [0.0] * 8), higher_is_better=False)
    assert posterior(worse, GateLimits(0.1)).worse > 0.97


def test_samples_of_one_cluster_are_one() -> None:
    scores = np.zeros(30), np.ones(30)
    together = Pairs(*scores, np.zeros(30, dtype=np.int64))
    assert (
        posterior(together, GateLimits(0.1)).difference
        == posterior(Pairs(scores[0][:1], scores[1][:1]), GateLimits(0.1)).difference
    )


def test_another_scale_has_no_posterior() -> None:
    with pytest.raises(ValueError, match="within"):
        posterior(Pairs(np.array([1.0, 5.0]), np.array([2.0, 4.0])), GateLimits(0.1))
    with pytest.raises(ValueError, match="no sample"):
        posterior(Pairs(np.zeros(0), np.zeros(0)), GateLimits(0.1))
