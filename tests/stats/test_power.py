"""Power and spending against statsmodels, scipy and published tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from evalkit.stats.alpha_spending import nominal_levels, spent
from evalkit.stats.power import detectable, needed_n, power


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
