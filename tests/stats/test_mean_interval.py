"""Intervals of a mean against scipy, statsmodels where it is installed, and formulas written as plain loops."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from evalkit.stats import mean_interval, pooled_stderr, ratio_interval, standard_error, wilson
from evalkit.stats.clusters import freedom

RNG = np.random.default_rng(11)


def cluster_error(values: list[float], clusters: list[int]) -> float:
    """√[G/(G-1) · Σ_g(Σ_{i∈g}(x_i - x̄))²]/n, as it reads."""
    mean = sum(values) / len(values)
    total = 0.0
    for cluster in set(clusters):
        within = 0.0
        for value, belongs in zip(values, clusters, strict=True):
            if belongs == cluster:
                within += value - mean
        total += within**2
    count = len(set(clusters))
    return math.sqrt(count / (count - 1) * total) / len(values)


@pytest.mark.parametrize("n", [2, 3, 30, 1000])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_graded_values_take_scipys_t_interval(n: int, confidence: float) -> None:
    values = RNG.normal(0.5, 0.2, size=n)
    found = mean_interval(values, confidence=confidence)
    low, high = scipy.stats.t.interval(confidence, n - 1, loc=values.mean(), scale=scipy.stats.sem(values))
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))
    assert (found.value, found.n, found.how, found.confidence) == (values.mean(), n, "t", confidence)


@pytest.mark.parametrize(("right", "n"), [(10, 20), (150, 299), (11, 5000), (4980, 5000)])
def test_few_samples_or_few_events_take_scipys_wilson_interval(right: int, n: int) -> None:
    found = mean_interval([1.0] * right + [0.0] * (n - right))
    expected = scipy.stats.binomtest(right, n).proportion_ci(method="wilson")
    assert (found.low, found.high) == (pytest.approx(expected.low, abs=1e-9), pytest.approx(expected.high, abs=1e-9))
    assert (found.value, found.how) == (right / n, "wilson")


@pytest.mark.parametrize(("right", "n"), [(0, 1), (1, 1), (0, 20), (20, 20), (7, 20), (3, 5000), (4991, 5000)])
def test_under_ten_events_take_scipys_exact_interval(right: int, n: int) -> None:
    found = mean_interval([1.0] * right + [0.0] * (n - right))
    expected = scipy.stats.binomtest(right, n).proportion_ci(method="exact")
    assert (found.low, found.high) == (pytest.approx(expected.low, abs=1e-9), pytest.approx(expected.high, abs=1e-9))
    assert (found.value, found.how) == (right / n, "clopper-pearson")


def test_many_samples_with_events_on_both_sides_take_t() -> None:
    values = np.array([1.0] * 300 + [0.0] * 700)
    found = mean_interval(values)
    assert found.how == "t"
    assert found.high - found.value == pytest.approx(scipy.stats.t.ppf(0.975, 999) * scipy.stats.sem(values), abs=1e-9)


def test_all_right_is_no_certainty() -> None:
    found = mean_interval([1.0] * 50)
    assert found.low < 0.95
    assert found.high == 1.0


def jackknife_error(tops: list[float], bottoms: list[float], clusters: list[int]) -> float:
    """√[(G-1)/G · Σ_g(θ₋g - θ)²] with θ₋g the ratio of sums without cluster g, as it reads."""
    whole, numbers = sum(tops) / sum(bottoms), sorted(set(clusters))
    total = 0.0
    for left_out in numbers:
        kept = [place for place, cluster in enumerate(clusters) if cluster != left_out]
        without = sum(tops[place] for place in kept) / sum(bottoms[place] for place in kept)
        total += (without - whole) ** 2
    return math.sqrt((len(numbers) - 1) / len(numbers) * total)


def bell_mccaffrey(sizes: list[float], power: int) -> float:
    """tr(Ω)²/tr(Ω²) of the scaled deviations' covariance, by matrices."""
    shares = np.array(sizes) / sum(sizes)
    count = len(sizes)
    residual = np.eye(count) - np.outer(shares, np.ones(count))
    scale = np.diag(1 / (1 - shares))
    omega = scale @ residual @ np.diag(shares**power) @ residual.T @ scale
    return float(np.trace(omega) ** 2 / np.trace(omega @ omega))


SIZES = [[3, 5, 8, 10, 15, 20, 30, 40, 60, 80], [4] * 12, [1, 2, 3, 40, 5, 6], [1] * 60 + [30]]


@pytest.mark.parametrize("sizes", SIZES)
def test_clustered_values_take_the_jackknife_with_bell_and_mccaffreys_degrees_of_freedom(sizes: list[int]) -> None:
    clusters = RNG.permutation(np.repeat(np.arange(len(sizes)), sizes))
    values = RNG.normal(size=len(sizes))[clusters] + RNG.normal(size=len(clusters))
    found = mean_interval(values, clusters)
    freedom = bell_mccaffrey([float(size) for size in sizes], 1)
    error = jackknife_error(values.tolist(), [1.0] * len(values), clusters.tolist())
    assert found.high - found.value == pytest.approx(scipy.stats.t.ppf(0.975, freedom) * error, rel=1e-9)
    exact = "" if len(set(sizes)) == 1 else f", {freedom:.1f} degrees of freedom"
    assert found.how == f"t, {len(sizes)} clusters{exact}"


@pytest.mark.parametrize("sizes", SIZES)
def test_degrees_of_freedom_are_those_of_the_matrices(sizes: list[int]) -> None:
    for power in (1, 2):
        expected = bell_mccaffrey([float(size) for size in sizes], power)
        assert freedom(np.array(sizes, dtype=float), working=power) == pytest.approx(expected, rel=1e-9)


def test_the_jackknife_of_equal_clusters_is_the_cluster_robust_error_of_statsmodels() -> None:
    api = pytest.importorskip("statsmodels.api", reason="statsmodels is the oracle")
    clusters = np.repeat(np.arange(12), 7)
    values = RNG.normal(size=12)[clusters] + RNG.normal(size=84)
    fitted = api.OLS(values, np.ones(84)).fit()
    robust = fitted.get_robustcov_results("cluster", groups=clusters, use_correction=True)
    found = mean_interval(values, clusters)
    # The jackknife divides every deviation by 1 - 1/12 and has 11/12 before the sum; G/(G-1) is the same here.
    assert found.high - found.value == pytest.approx(scipy.stats.t.ppf(0.975, 11) * robust.bse[0], rel=1e-9)


def test_the_cluster_robust_error_is_that_of_statsmodels() -> None:
    api = pytest.importorskip("statsmodels.api", reason="statsmodels is the oracle")
    clusters = np.sort(RNG.integers(70, size=400))
    values = RNG.normal(size=70)[clusters] + RNG.normal(size=400)
    fitted = api.OLS(values, np.ones(400)).fit()
    # Its correction is G/(G-1) · (n-1)/(n-k), which is G/(G-1) for a mean.
    robust = fitted.get_robustcov_results("cluster", groups=clusters, use_correction=True)
    assert standard_error(values, clusters) == pytest.approx(robust.bse[0], rel=1e-9)


def test_clusters_of_one_change_nothing() -> None:
    values = RNG.random(500)
    assert mean_interval(values, np.arange(500)) == mean_interval(values)
    above = (values > 0.5).astype(float)
    assert mean_interval(above, RNG.permutation(500) * 999) == mean_interval(above)


def test_cluster_numbers_are_only_names() -> None:
    clusters = RNG.integers(60, size=400)
    values = RNG.random(400)
    renamed = clusters * -7_919_000_000_000 + 5
    assert mean_interval(values, clusters).low == pytest.approx(mean_interval(values, renamed).low, abs=1e-12)


def test_gaps_between_cluster_numbers_are_no_clusters() -> None:
    clusters = np.repeat(np.arange(9), [3, 4, 5, 6, 7, 8, 9, 10, 11])
    values = RNG.normal(size=9)[clusters] + RNG.random(63)
    for graded in (values, (values > 0).astype(float)):
        assert mean_interval(graded, clusters * 5 + 2) == mean_interval(graded, clusters)


def score_form(values: list[float], clusters: list[int], ends: tuple[float, float]) -> tuple[float, float]:
    """Wilson's interval on the effective n, with half an unseen clump at either end, step by step. Clusters under 50
    are no surer than as many samples each by itself."""
    n, numbers = len(values), sorted(set(clusters))
    sizes = [clusters.count(number) for number in numbers]
    scaled = [(value - ends[0]) / (ends[1] - ends[0]) for value in values]
    mean, clump = sum(scaled) / n, (sum(size * size for size in sizes) / n) ** 0.6
    errors = [jackknife_error(scaled, [1.0] * n, owner) for owner in (clusters, list(range(n)))]
    variance = n * n * max(errors) ** 2
    middle = (sum(scaled) + clump / 2) / (n + clump)
    with_ends = variance + clump * clump * (middle**2 + (1 - middle) ** 2) / 2
    effective = middle * (1 - middle) * n * n / with_ends
    low, high = wilson(mean, effective, scipy.stats.t.ppf(0.975, bell_mccaffrey([float(s) for s in sizes], 1)))
    return ends[0] + (ends[1] - ends[0]) * low, ends[0] + (ends[1] - ends[0]) * high


@pytest.mark.parametrize("ends", [(0.0, 1.0), (1.0, 10.0), (-1.0, 1.0)])
@pytest.mark.parametrize("sizes", [[1] * 40, *SIZES[:3]])
def test_a_scale_with_ends_takes_wilson_on_the_effective_size(ends: tuple[float, float], sizes: list[int]) -> None:
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    values = ends[0] + (ends[1] - ends[0]) * RNG.beta(8, 1, size=len(sizes))[clusters] * RNG.random(len(clusters))
    found = mean_interval(values, clusters, ends=ends)
    expected = score_form(values.tolist(), clusters.tolist(), ends)
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-9)
    assert ends[0] <= found.low < found.value < found.high <= ends[1]


def test_right_and_wrong_in_clusters_have_the_ends_0_and_1() -> None:
    clusters = np.repeat(np.arange(20), 10)
    values = (RNG.random(20)[clusters] > RNG.random(200)).astype(float)
    found = mean_interval(values, clusters)
    assert (found.low, found.high) == pytest.approx(score_form(values.tolist(), clusters.tolist(), (0, 1)), rel=1e-9)
    assert found.how.startswith("score, 20 clusters, ")


def test_of_many_values_the_score_form_is_t() -> None:
    values = RNG.beta(2, 1, size=20_000)
    with_ends, without = mean_interval(values, ends=(0, 1)), mean_interval(values)
    assert (with_ends.low, with_ends.high) == (
        pytest.approx(without.low, abs=2e-5),
        pytest.approx(without.high, abs=2e-5),
    )


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("clusters", [None, np.repeat(np.arange(10), 5)])
def test_values_that_are_all_alike_are_no_certainty(level: float, clusters: np.ndarray | None) -> None:
    with_ends, without = mean_interval([level] * 50, clusters, ends=(0, 1)), mean_interval([level] * 50, clusters)
    assert with_ends.high - with_ends.low > 0.01
    if level == 0.3:
        assert math.isnan(without.low)
        assert without.how.endswith("nothing varies")


def test_values_beyond_the_ends_that_were_declared_have_none() -> None:
    found = mean_interval([0.2, 0.5, 3.0], ends=(0.0, 1.0))
    assert (found.high, found.how) == (mean_interval([0.2, 0.5, 3.0]).high, "t, values beyond 0 to 1")


def test_without_events_a_cluster_counts_for_little_more_than_one_sample() -> None:
    found = mean_interval([0.0] * 200, np.repeat(np.arange(20), 10))
    assert wilson(0.0, 200, 1.96)[1] < found.high < 1.2 * wilson(0.0, 20, scipy.stats.t.ppf(0.975, 19))[1]


def test_a_single_cluster() -> None:
    graded = mean_interval([0.1, 0.2, 0.3], np.zeros(3, dtype=np.int64))
    assert graded.how == "one cluster"
    assert math.isnan(graded.low)
    right = mean_interval([1.0, 1.0, 1.0], np.zeros(3, dtype=np.int64))
    assert right.low == pytest.approx(scipy.stats.binomtest(1, 1).proportion_ci(method="wilson").low, abs=1e-9)


def test_nothing_one_and_all_alike() -> None:
    none, one, alike = mean_interval([]), mean_interval([0.5]), mean_interval([0.5] * 9)
    assert (none.n, none.how, one.n, one.how) == (0, "n=0", 1, "n=1")
    assert all(math.isnan(bound) for bound in (none.value, none.low, none.high, one.low, one.high))
    assert (math.isnan(alike.low), math.isnan(alike.high), alike.how) == (True, True, "t, nothing varies")


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_values_that_are_no_numbers_raise(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        mean_interval([0.5, bad])


def test_mistakes_in_the_arguments_raise() -> None:
    with pytest.raises(ValueError, match="2 cluster numbers for 3"):
        mean_interval([1.0, 0.0, 0.5], np.array([1, 2]))
    with pytest.raises(ValueError, match="confidence"):
        mean_interval([1.0, 0.0, 0.5], confidence=95)


VALUES = st.lists(st.floats(0, 1) | st.sampled_from([0.0, 1.0]), min_size=1, max_size=40)


@given(VALUES, st.integers(0, 10_000), st.booleans())
def test_the_order_of_rows_never_matters(values: list[float], seed: int, clustered: bool) -> None:
    rng = random.Random(seed)
    clusters = [rng.randrange(max(1, len(values) // 2)) for _ in values]
    order = list(range(len(values)))
    rng.shuffle(order)
    one = mean_interval(values, np.array(clusters) if clustered else None)
    other = mean_interval([values[i] for i in order], np.array([clusters[i] for i in order]) if clustered else None)
    assert one.n == other.n
    for name in ("value", "low", "high"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-6, nan_ok=True)


@given(VALUES)
def test_the_interval_holds_the_mean_and_grows_with_confidence(values: list[float]) -> None:
    usual, surer = mean_interval(values), mean_interval(values, confidence=0.99)
    if not math.isnan(usual.low):
        assert surer.low - 1e-12 <= usual.low <= usual.value + 1e-12
        assert usual.value - 1e-12 <= usual.high <= surer.high + 1e-12
        assert usual.low < usual.high


def test_a_ratio_with_equal_denominators_is_a_mean() -> None:
    values = RNG.random(80)
    ratio, mean = ratio_interval(values * 3, np.full(80, 3.0)), mean_interval(values)
    assert (ratio.value, ratio.low, ratio.high) == (
        pytest.approx(mean.value),
        pytest.approx(mean.low),
        pytest.approx(mean.high),
    )


@pytest.mark.parametrize("count", [6, 40])
def test_a_ratio_takes_the_jackknife_over_documents_of_unlike_length(count: int) -> None:
    words = RNG.lognormal(5, 1, size=count)
    nats = words * RNG.normal(3, 0.3, size=count)
    found = ratio_interval(nats, words)
    error = jackknife_error(nats.tolist(), words.tolist(), list(range(count)))
    assert found.high - found.value == pytest.approx(
        scipy.stats.t.ppf(0.975, bell_mccaffrey(words.tolist(), 2)) * error, rel=1e-9
    )


def test_a_ratio_of_nothing_raises() -> None:
    with pytest.raises(ValueError, match="zero"):
        ratio_interval(np.ones(2), np.zeros(2))


def test_pooled_error_of_groups() -> None:
    groups = [RNG.random(n) for n in (5, 40, 100)]
    errors, sizes = [scipy.stats.sem(group) for group in groups], [len(group) for group in groups]
    # The variance within groups, pooled as in an analysis of variance, over all samples.
    within = sum(((group - group.mean()) ** 2).sum() for group in groups) / (145 - 3)
    assert pooled_stderr(errors, sizes) == pytest.approx(math.sqrt(within / 145), rel=1e-12)
    assert pooled_stderr([*errors, math.nan], [*sizes, 1]) == pytest.approx(math.sqrt(within / (146 - 4) * 142 / 146))
    assert math.isnan(pooled_stderr([math.nan], [1]))


def test_pooled_error_is_lm_evals() -> None:
    metrics = pytest.importorskip("lm_eval.api.metrics", reason="lm-eval is the oracle", exc_type=ImportError)
    errors, sizes = [0.01, 0.02, 0.035], [1000, 250, 80]
    assert pooled_stderr(errors, sizes) == pytest.approx(metrics.pooled_sample_stderr(errors, sizes), rel=1e-12)
