"""Power, posteriors, components of variance and spending against statsmodels, scipy and published tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from evalkit.stats.alpha_spending import nominal_levels, spent
from evalkit.stats.bayes import difference_posterior, probability_above, share_posterior
from evalkit.stats.power import detectable, needed_n, power
from evalkit.stats.variance_components import components

RNG = np.random.default_rng(29)


@pytest.mark.parametrize(("n", "deviation", "margin", "alpha"), [(500, 0.29, 0.03, 0.05), (80, 1.4, 0.2, 0.025)])
def test_power_is_statsmodels(n: int, deviation: float, margin: float, alpha: float) -> None:
    module = pytest.importorskip("statsmodels.stats.power")
    expected = module.NormalIndPower(ddof=0).power(margin / deviation, n, alpha, ratio=0, alternative="larger")
    assert power(n, deviation, margin, alpha) == pytest.approx(expected, abs=1e-9)
    solved = module.normal_sample_size_one_tail(margin, 0.8, alpha, std_null=deviation)
    assert needed_n(deviation, margin, alpha, 0.8) == pytest.approx(solved, rel=1e-9)


def test_needed_detectable_and_power_agree() -> None:
    margin = detectable(640, 0.4, 0.05, 0.9)
    assert power(640, 0.4, margin) == pytest.approx(0.9)
    assert needed_n(0.4, margin, 0.05, 0.9) == pytest.approx(640)
    assert (needed_n(0.4, 0.0), power(10, 0.0, 0.01)) == (math.inf, 1.0)


@pytest.mark.parametrize(("right", "n"), [(3, 10), (17, 20), (200, 900)])
def test_a_share_has_jeffreys_interval_of_statsmodels(right: int, n: int) -> None:
    module = pytest.importorskip("statsmodels.stats.proportion")
    found = share_posterior(right, n)
    assert (found.low, found.high) == pytest.approx(module.proportion_confint(right, n, method="jeffreys"), abs=1e-9)
    assert found.mean == pytest.approx((right + 0.5) / (n + 1))


def test_all_or_nothing_reaches_the_end() -> None:
    assert (share_posterior(0, 8).low, share_posterior(8, 8).high) == (0.0, 1.0)


@pytest.mark.parametrize(("gains", "losses", "n"), [(3, 1, 20), (0, 0, 5), (10, 30, 100), (0, 4, 10), (2, 2, 4)])
def test_the_posterior_of_a_difference_is_that_of_dirichlet_draws(gains: int, losses: int, n: int) -> None:
    drawn = RNG.dirichlet([gains + 0.5, losses + 0.5, n - gains - losses + 0.5], 400_000)
    d = drawn[:, 0] - drawn[:, 1]
    for delta in (-0.3, -0.05, 0.0, 0.02, 0.2):
        assert probability_above(delta, gains, losses, n) == pytest.approx((d > delta).mean(), abs=0.003)
    found = difference_posterior(gains, losses, n)
    assert found.mean == pytest.approx(d.mean(), abs=0.003)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(d, [0.025, 0.975])), abs=0.005)
    assert 1 - probability_above(found.low, gains, losses, n) == pytest.approx(0.025, abs=1e-6)


def test_without_losses_under_a_flat_prior_it_is_a_beta() -> None:
    # As the prior weight of losses goes, P(gain) alone is left: Beta(gains, rest).
    found = probability_above(0.3, 6, 0, 20, prior=1e-9)
    assert found == pytest.approx(scipy.stats.beta.sf(0.3, 6, 14), abs=1e-6)


def test_components_are_scipys_f_and_statsmodels_reml() -> None:
    mixed = pytest.importorskip("statsmodels.regression.mixed_linear_model")
    groups = np.repeat(np.arange(40), 5)
    values = RNG.normal(0, 1.5, size=40)[groups] + RNG.normal(size=200)
    found = components(values, groups)
    expected = scipy.stats.f_oneway(*[values[groups == g] for g in range(40)])
    assert (found.f, found.p_value) == (
        pytest.approx(expected.statistic, rel=1e-9),
        pytest.approx(expected.pvalue, abs=1e-9),
    )
    fit = mixed.MixedLM(values, np.ones(200), groups).fit(reml=True)
    assert found.within == pytest.approx(fit.scale, rel=1e-3)
    assert found.between == pytest.approx(float(fit.cov_re[0, 0]), rel=1e-3)
    # For equal numbers of repeats it is the error of the questions' means.
    means = values.reshape(40, 5).mean(axis=1)
    assert found.standard_error() == pytest.approx(scipy.stats.sem(means), rel=1e-9)


def test_components_of_questions_with_different_numbers_of_repeats() -> None:
    sizes = RNG.integers(1, 7, size=4000)
    groups = np.repeat(np.arange(4000), sizes)
    values = RNG.normal(0, 0.3, size=4000)[groups] + RNG.normal(0, 0.6, size=len(groups))
    found = components(values, groups)
    assert (found.between, found.within) == (pytest.approx(0.09, rel=0.1), pytest.approx(0.36, rel=0.05))
    assert found.icc == pytest.approx(0.2, abs=0.02)
    assert found.standard_error(repeats=1000) == pytest.approx(math.sqrt(found.between / 4000), rel=0.01)


def test_components_need_repeats() -> None:
    with pytest.raises(ValueError, match="a repeat"):
        components(np.ones(3), np.arange(3))
    with pytest.raises(ValueError, match="two questions"):
        components(np.ones(3), np.zeros(3, dtype=int))


@pytest.mark.parametrize(
    ("spending", "published"),
    [
        ("obrien-fleming", [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        ("pocock", [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
    ],
)
def test_five_looks_have_the_published_boundaries(spending: str, published: list[float]) -> None:
    # Lan & DeMets' boundaries at a two-sided 5 %, as their program (Reboussin et al. 2000) prints them.
    levels = nominal_levels([0.2, 0.4, 0.6, 0.8, 1.0], 0.025, spending)  # type: ignore[arg-type]
    assert scipy.stats.norm.isf(levels) == pytest.approx(published, abs=2e-4)


def test_what_looks_err_together_is_what_scipys_multivariate_normal_says() -> None:
    fractions = np.array([0.3, 0.7, 1.0])
    for spending in ("obrien-fleming", "pocock"):
        levels = nominal_levels(fractions.tolist(), 0.05, spending)
        covariance = np.sqrt(np.minimum.outer(fractions, fractions) / np.maximum.outer(fractions, fractions))
        stays = scipy.stats.multivariate_normal.cdf(scipy.stats.norm.isf(levels), cov=covariance, abseps=1e-9)
        assert 1 - stays == pytest.approx(0.05, abs=1e-6)
        assert levels[0] == pytest.approx(spent(0.3, 0.05, spending), abs=1e-9)


def test_one_look_takes_all_of_alpha() -> None:
    assert nominal_levels([1.0], 0.05) == pytest.approx([0.05], abs=1e-12)


@pytest.mark.parametrize("fractions", [[], [0.5], [0.5, 0.4, 1.0], [0.0, 1.0], [0.5, 0.5, 1.0]])
def test_fractions_rise_to_one(fractions: list[float]) -> None:
    with pytest.raises(ValueError, match="rise to 1"):
        nominal_levels(fractions, 0.05)
