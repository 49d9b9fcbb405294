"""More resamples where p is near its level, and only there."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evalkit.core import Estimate
from evalkit.stats.near_level import settled
from evalkit.stats.paired_bootstrap import paired_bootstrap
from evalkit.stats.verdict import Verdict


def verdict(p: float) -> Verdict:
    return Verdict(0.1, -0.1, 0.3, p, 10, 10, "", 0.95)


@pytest.mark.parametrize(
    ("p", "again"),
    [(0.05, True), (0.03, True), (0.085, True), (0.2, False), (0.004, False), (1.0, False), (math.nan, False)],
)
def test_only_a_p_near_the_level_is_drawn_again(p: float, again: bool) -> None:
    counts: list[int] = []

    def test(count: int) -> Verdict:
        counts.append(count)
        return verdict(p)

    settled(test, 0.05)
    assert counts == ([1000, 10_000] if again else [1000])


def test_ten_times_as_many_resamples_put_p_within_three_thousandths() -> None:
    """Beside 200,000 resamples of the same data: p near 0.05, drawn with four seeds."""
    rng = np.random.default_rng(8)
    difference = rng.normal(0.2, 1.0, 100)
    difference += 0.197 - difference.mean()
    rows = np.stack([np.zeros(100), difference], axis=1)

    def mean(of: np.ndarray, _: np.ndarray) -> Estimate:
        return Estimate(float(of[:, 0].mean()), math.nan, math.nan, len(of), "")

    means = np.concatenate([rng.choice(difference, (20_000, 100)).mean(1) for _ in range(10)])
    exact = 2.0 * min((means <= 0).mean(), (means >= 0).mean())
    assert 0.03 < exact < 0.07

    def p_of(seed: int) -> float:
        def test(count: int) -> Verdict:
            return paired_bootstrap(rows[:, :1], rows[:, 1:], mean, None, seed=seed, resamples=count)

        return settled(test, 0.05).p_value

    found = [p_of(seed) for seed in range(4)]
    assert found == pytest.approx([exact] * 4, abs=0.0132)
    assert float(np.std(found)) < 0.007
