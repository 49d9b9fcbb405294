"""The paired bootstrap against closed forms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.stats

from evalkit.core import Estimate
from evalkit.stats import bootstrap_interval, mean_interval
from evalkit.stats.paired import paired_interval
from evalkit.stats.paired_bootstrap import paired_bootstrap

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

RNG = np.random.default_rng(41)


def mean_of(rows: FloatRows, clusters: IntArray) -> Estimate:
    return mean_interval(rows[:, 0], clusters)


def ratio_of(rows: FloatRows, clusters: IntArray) -> Estimate:
    return bootstrap_interval(rows, lambda sums, counts: sums[:, 0] / sums[:, 1], clusters, seed=1)


@pytest.mark.parametrize("count", [12, 60, 400])
def test_the_paired_bootstrap_of_a_mean_is_as_wide_as_t(count: int) -> None:
    baseline = RNG.normal(3.0, 1.0, size=(count, 1))
    candidate = baseline + RNG.normal(0.1, 0.3, size=(count, 1))
    found = paired_bootstrap(baseline, candidate, mean_of, seed=2, resamples=4000)
    closed = scipy.stats.ttest_rel(candidate[:, 0], baseline[:, 0]).confidence_interval()
    assert found.high - found.low == pytest.approx(closed.high - closed.low, rel=0.08)
    assert (found.value, found.how) == (pytest.approx((candidate - baseline).mean()), "paired bootstrap")


def test_what_both_runs_found_hard_cancels() -> None:
    baseline = np.column_stack([RNG.random(200) * 5, RNG.random(200) + 1])
    found = paired_bootstrap(baseline, baseline * [1.02, 1.0], ratio_of, seed=2)
    assert found.low == pytest.approx(found.value, rel=0.1)
    assert found.p_value == pytest.approx(2 / 1001)


def test_the_metrics_own_bootstrap_is_not_run_inside() -> None:
    rows = RNG.random((50, 2)) + 1
    insides: list[str] = []

    def spied(rows: FloatRows, clusters: IntArray) -> Estimate:
        insides.append(ratio_of(rows, clusters).how)
        return ratio_of(rows, clusters)

    paired_bootstrap(rows, rows + 0.1, spied, seed=0, resamples=20)
    assert set(insides) == {"value only"}
    assert "bootstrap" in ratio_of(rows, np.arange(50)).how


def test_clusters_are_drawn_whole_and_the_same_for_both() -> None:
    clusters = np.repeat(np.arange(70), 6)
    effect = RNG.normal(size=70)[clusters]
    baseline = RNG.normal(size=(420, 1))
    candidate = baseline + effect[:, None]
    found = paired_bootstrap(baseline, candidate, mean_of, clusters, seed=3, resamples=3000)
    closed = paired_interval(baseline[:, 0], candidate[:, 0], clusters)
    assert found.how == "paired bootstrap, 70 clusters"
    assert found.high - found.low == pytest.approx(closed.high - closed.low, rel=0.08)


def test_what_can_not_be_resampled_has_no_bounds() -> None:
    few = paired_bootstrap(np.ones((4, 1)), np.zeros((4, 1)), mean_of, seed=0)
    assert (few.value, few.how) == (-1.0, "too few to resample: 4 samples")
    assert math.isnan(few.low)
    clustered = paired_bootstrap(np.ones((9, 1)), np.zeros((9, 1)), mean_of, np.repeat([0, 1, 2], 3), seed=0)
    assert clustered.how == "too few to resample: 3 clusters"
    broken = np.array([[1.0, 0.0]] * 5 + [[1.0, 1.0]])
    undefined = paired_bootstrap(broken, broken, ratio_of, seed=0, resamples=50)
    assert "undefined in" in undefined.how
    assert math.isnan(undefined.low)


def test_where_no_resample_differs_nothing_is_known() -> None:
    rows = RNG.random((60, 1))
    found = paired_bootstrap(rows, rows, mean_of, seed=0, resamples=50)
    assert (found.value, found.how) == (0.0, "paired bootstrap, nothing varies")
    assert math.isnan(found.low)
    assert math.isnan(found.p_value)
