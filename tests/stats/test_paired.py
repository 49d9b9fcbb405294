"""Paired intervals: which form is taken, and against scipy, statsmodels and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from evalkit.stats.difference import beyond, bounds
from evalkit.stats.moments import moments
from evalkit.stats.paired import paired_interval
from evalkit.stats.score_intervals import tango

RNG = np.random.default_rng(5)
Z = 1.959963984540054


def flipped(gains: int, losses: int, both: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    before = np.array([0.0] * gains + [1.0] * losses + [1.0] * both + [0.0] * neither)
    after = np.array([1.0] * gains + [0.0] * losses + [1.0] * both + [0.0] * neither)
    return before, after


@pytest.mark.parametrize("n", [2, 12, 400])
def test_scores_on_another_scale_take_scipys_paired_t(n: int) -> None:
    before = RNG.normal(3, 1, size=n)
    after = before + RNG.normal(0.2, 0.5, size=n)
    found = paired_interval(before, after)
    test = scipy.stats.ttest_rel(after, before)
    expected = test.confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(expected.low, abs=1e-9), pytest.approx(expected.high, abs=1e-9))
    assert found.p_value == pytest.approx(test.pvalue, abs=1e-9)
    assert (found.how, found.n, found.value) == ("t", n, pytest.approx((after - before).mean()))


def test_their_cluster_robust_error_is_statsmodels() -> None:
    regression = pytest.importorskip("statsmodels.regression.linear_model")
    clusters = np.repeat(np.arange(60), 7)
    before = RNG.normal(size=420) * 3
    after = before + RNG.normal(size=60)[clusters] + RNG.normal(size=420)
    found = paired_interval(before, after, clusters)
    # With an intercept alone, statsmodels' correction G/(G-1)·(n-1)/(n-1) is the reference's G/(G-1).
    fit = regression.OLS(after - before, np.ones(420)).fit(cov_type="cluster", cov_kwds={"groups": clusters})
    # The jackknife's form divides each of the 60 equal clusters' deviations by 1 - 1/60, and has (G-1)/G before it.
    error = fit.bse[0] * math.sqrt((59 / 60) ** 2 / (1 - 1 / 60) ** 2)
    half = scipy.stats.t.ppf(0.975, 59) * error
    assert (found.high - found.low) / 2 == pytest.approx(half, abs=1e-9)
    assert found.how == "t, 60 clusters"


def test_the_jackknife_over_clusters_of_unlike_sizes() -> None:
    clusters = np.repeat(np.arange(8), [1, 2, 3, 4, 5, 6, 7, 30])
    after = RNG.normal(size=58) + 5
    found = moments(np.zeros(58), after, clusters)
    # (G-1)/G·Σ(θ₋g - θ)², around the estimate itself.
    left = np.array([after[clusters != g].mean() for g in range(8)])
    expected = 7 / 8 * ((left - after.mean()) ** 2).sum()
    assert float(found.spread) / 58**2 == pytest.approx(expected, rel=1e-12)
    assert float(found.kish) == pytest.approx((1 + 4 + 9 + 16 + 25 + 36 + 49 + 900) / 58)


def test_right_and_wrong_answers_take_the_score_interval() -> None:
    before, after = flipped(12, 25, 300, 63)
    found = paired_interval(before, after)
    low, high = tango(*map(np.asarray, (12, 25, 400, Z)), shift=0.1, skewness=1.0)
    assert (found.low, found.high) == (pytest.approx(float(low), abs=1e-9), pytest.approx(float(high), abs=1e-9))
    assert found.how == "score"


def test_strict_bounds_are_wider_and_mostly_by_little() -> None:
    before, after = flipped(12, 25, 300, 63)
    even, strict = paired_interval(before, after), paired_interval(before, after, strict=True)
    assert strict.low < even.low < even.high < strict.high
    assert strict.high - strict.low < 1.1 * (even.high - even.low)


def test_no_flip_at_all_is_no_certainty() -> None:
    before, after = flipped(0, 0, 40, 10)
    found = paired_interval(before, after, strict=True)
    # "None of 50" rules out a loss of 2.5 % tails: the exact bound is 1 - 0.025^(1/50).
    assert -found.low == pytest.approx(1 - 0.025 ** (1 / 50), rel=0.15)
    assert (found.p_value, found.high) == (1.0, pytest.approx(-found.low))


def test_of_many_flips_the_score_interval_is_the_t_interval() -> None:
    before = (RNG.random(40_000) < 0.6).astype(float)
    after = np.where(RNG.random(40_000) < 0.3, 1 - before, before)
    found = paired_interval(before, after)
    expected = scipy.stats.ttest_rel(after, before).confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(expected.low, rel=2e-3), pytest.approx(expected.high, rel=2e-3))


def test_averages_over_repeats_take_an_interval_hardly_wider_than_t() -> None:
    chances = RNG.beta(2, 1, size=900)
    before, after = RNG.binomial(4, chances) / 4, RNG.binomial(4, chances) / 4
    found = paired_interval(before, after, ends=(0.0, 1.0))
    expected = scipy.stats.ttest_rel(after, before).confidence_interval(0.95)
    assert found.how == "t with an unseen change"
    assert found.high - found.low == pytest.approx(expected.high - expected.low, rel=0.04)


def by_hand(d: np.ndarray, clusters: np.ndarray, reach: float, tail: float, weight: float) -> float:
    """The lower bound with an unseen clump of losses, step by step."""
    n, numbers = len(d), np.unique(clusters)
    sizes = np.array([(clusters == g).sum() for g in numbers], dtype=float)
    left_out = np.array([d[clusters != g].mean() for g in numbers])
    variance = (len(numbers) - 1) / len(numbers) * ((left_out - d.mean()) ** 2).sum() * n * n
    variance = max(variance, ((d - d.mean()) ** 2).sum())
    deviations = np.array([d[clusters == g].sum() for g in numbers]) - sizes * d.mean()
    single, kish = np.abs(d).sum() / reach - n * (d.mean() / reach) ** 2, (sizes**2).sum() / n
    seen = min(max(variance / reach**2 / single, 1.0), kish) if single else 1.0
    events = single**2 / (variance / reach**2) if variance else 0.0
    clump = (
        seen
        + max(kish**0.85 - seen, 0.0)
        * (min(1.0, max((20 / events) ** 3, 0.25 if weight == 1.0 else 0.0)) if events else 1.0)
    ) * reach
    with_it = variance + weight * clump**2
    skewness = max(-3.0, min(0.0, ((deviations**3).sum() - weight * clump**3) / with_it**1.5))
    shares = sizes / n
    residual = np.diag(1 / (1 - shares)) @ (np.eye(len(sizes)) - np.outer(shares, np.ones(len(sizes))))
    omega = residual @ np.diag(shares) @ residual.T
    t = -scipy.stats.t.ppf(tail, np.trace(omega) ** 2 / np.trace(omega @ omega))
    low = d.mean() - weight * clump / n - math.sqrt(with_it) / n * (t - skewness * (t * t - 1) / 6)
    return max(-reach, low)


@pytest.mark.parametrize("ends", [(0.0, 1.0), (1.0, 10.0)])
@pytest.mark.parametrize("sizes", [[1] * 30, [10] * 60, [20] * 8, [3, 5, 8, 10, 15, 20, 30, 40, 60, 80]])
def test_scores_with_ends_are_decided_with_an_unseen_clump_of_losses(
    ends: tuple[float, float], sizes: list[int]
) -> None:
    clusters, reach = np.repeat(np.arange(len(sizes)), sizes), ends[1] - ends[0]
    before = ends[0] + reach * RNG.integers(3, 5, size=len(clusters)) / 4
    after = np.where(RNG.random(len(sizes))[clusters] < 0.2, ends[0], before)
    after = np.where(RNG.random(len(clusters)) < 0.1, ends[1], after)
    for strict, weight in ((False, 0.5), (True, 1.0)):
        found = paired_interval(before, after, clusters, 0.9, strict=strict, ends=ends)
        assert found.low == pytest.approx(by_hand(after - before, clusters, reach, 0.05, weight), rel=1e-9)
        assert found.high == pytest.approx(-by_hand(before - after, clusters, reach, 0.05, weight), rel=1e-9)


def test_whole_clusters_that_flip_are_worth_one_pair_each() -> None:
    clusters = np.repeat(np.arange(100), 10)
    before = np.ones(1000)
    after = 1.0 - (clusters % 10 == 0)
    found = paired_interval(before, after, clusters)
    alone = paired_interval(before, after)
    hundred = paired_interval(before[::10], after[::10])
    assert found.high - found.low > 2.5 * (alone.high - alone.low)
    assert found.high - found.low == pytest.approx(hundred.high - hundred.low, rel=0.2)
    assert found.how == "t with an unseen change, 100 clusters"


@pytest.mark.parametrize("values", [np.full(20, 7.0), np.full(20, 0.5), np.repeat([3.0, 4.0], 10)])
def test_where_nothing_differs_the_interval_has_a_width_or_is_not_known(values: np.ndarray) -> None:
    without, with_ends = paired_interval(values, values), paired_interval(values, values, ends=(0.0, 10.0))
    assert math.isnan(without.low)
    assert (math.isnan(without.p_value), without.how) == (True, "t, nothing varies")
    # That everything is lost in a share of the pairs may go unseen in 20: the exact bound is 1 - 0.025^(1/20) of the
    # scale.
    assert -with_ends.low == pytest.approx(10 * (1 - 0.025 ** (1 / 20)), rel=0.4)
    assert (with_ends.low, with_ends.p_value) == (pytest.approx(-with_ends.high), 1.0)


def test_beyond_is_where_the_bounds_lie() -> None:
    for clusters in (None, np.repeat(np.arange(50), 4)):
        for scale in (1.0, 0.5, 7.0):
            before = np.float64(scale) * (RNG.random(200) < 0.8)
            after = np.where(RNG.random(200) < 0.15, scale - before, before)
            found = moments(before, after, clusters)
            for strict in (False, True):
                low, high = (float(bound) for bound in bounds(found, 0.05, strict=strict))
                for delta in np.linspace(-0.3, 0.3, 41):
                    expected = float(low > delta) - float(high < delta)
                    assert float(beyond(found, float(delta), 0.05, strict=strict)) == expected


@given(
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(0, 50),
    st.integers(0, 50),
    st.sampled_from([0.5, 0.9, 0.95, 0.999]),
)
def test_intervals_hold_the_estimate_and_stay_within_the_scale(
    gains: int, losses: int, both: int, neither: int, confidence: float
) -> None:
    n = gains + losses + both + neither
    if n < 2:
        return
    found = paired_interval(*flipped(gains, losses, both, neither), confidence=confidence)
    assert -1.0 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= 1.0
    assert 0.0 <= found.p_value <= 1.0
    # Where p is below α, zero lies outside, and the other way round.
    assert (found.low > 0.0 or found.high < 0.0) == (found.p_value < 1.0 - confidence)


def test_ends() -> None:
    none = paired_interval(np.zeros(0), np.zeros(0))
    assert (none.how, none.n) == ("n=0", 0)
    one = paired_interval(np.ones(1), np.zeros(1))
    assert (one.value, one.how) == (-1.0, "one sample")
    assert math.isnan(one.low)
    whole = paired_interval(np.ones(9), np.zeros(9), np.zeros(9, dtype=np.int64))
    assert (whole.how, whole.clusters) == ("one cluster", 1)
    assert math.isnan(whole.high)
    assert math.isnan(whole.p_value)


def test_what_can_not_be_paired() -> None:
    with pytest.raises(ValueError, match="one shape"):
        paired_interval(np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match="not finite"):
        paired_interval(np.array([1.0, math.nan]), np.zeros(2))
    with pytest.raises(ValueError, match="confidence"):
        paired_interval(np.zeros(3), np.zeros(3), confidence=95)
