"""Score intervals of paired proportions against published figures, the likelihood itself, and statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from evalkit.stats.exact import clopper_pearson, mcnemar_exact
from evalkit.stats.score_intervals import tango, tango_statistic

Z = 1.959963984540054
ONE = np.asarray


def likelihood_statistic(gains: int, losses: int, n: int, delta: float) -> float:
    """The score statistic with the proportion of losses that maximises the trinomial likelihood, found numerically."""

    def loss(proportion: float) -> float:
        cells = ((losses, proportion), (gains, proportion + delta), (n - gains - losses, 1 - 2 * proportion - delta))
        return -sum(count * math.log(max(chance, 1e-300)) for count, chance in cells if count)

    low, high = max(0.0, -delta), (1.0 - delta) / 2.0
    proportion = scipy.optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-13}).x
    return (gains - losses - n * delta) / math.sqrt(n * (2 * proportion + delta - delta**2))


@pytest.mark.parametrize(("gains", "losses", "n"), [(2, 12, 50), (40, 20, 160), (3, 3, 40), (1, 7, 21), (30, 31, 900)])
@pytest.mark.parametrize("delta", [-0.2, -0.05, 0.01, 0.13])
def test_tangos_statistic_is_that_of_the_maximised_likelihood(gains: int, losses: int, n: int, delta: float) -> None:
    found = float(tango_statistic(ONE(gains), ONE(losses), ONE(n), ONE(delta)))
    assert found == pytest.approx(likelihood_statistic(gains, losses, n, delta), rel=1e-6)


@pytest.mark.parametrize(("gains", "losses", "n"), [(2, 12, 50), (40, 20, 160), (3, 4, 7), (0, 5, 100)])
def test_without_a_difference_tangos_is_statsmodels_mcnemar_statistic(gains: int, losses: int, n: int) -> None:
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    expected = tables.mcnemar([[n - gains - losses, losses], [gains, 0]], exact=False, correction=False)
    found = float(tango_statistic(ONE(gains), ONE(losses), ONE(n), ONE(0.0)))
    assert found**2 == pytest.approx(expected.statistic, abs=1e-9)
    assert 2 * scipy.stats.norm.sf(abs(found)) == pytest.approx(expected.pvalue, abs=1e-9)


@pytest.mark.parametrize(
    ("cells", "tangos"),
    [((36, 12, 2, 0), (-0.3447, -0.0611)), ((1, 7, 1, 12), (-0.517, -0.026))],
    ids=["Newcombe 1998", "Bentur 2009, in Fagerland, Lydersen & Laake 2014"],
)
def test_published_intervals(cells: tuple[int, int, int, int], tangos: tuple[float, float]) -> None:
    _, losses, gains, _ = cells
    found = tango(ONE(gains), ONE(losses), ONE(sum(cells)), ONE(Z))
    assert [float(bound) for bound in found] == pytest.approx(tangos, abs=0.0005)


def test_with_losses_alone_tangos_is_wilsons_interval_of_their_share() -> None:
    low, _ = tango(ONE(0), ONE(7), ONE(90), ONE(Z))
    assert -float(low) == pytest.approx(scipy.stats.binomtest(7, 90).proportion_ci(method="wilson").high, abs=1e-9)


def test_bounds_are_where_the_statistic_reaches_the_quantile_and_are_mirrored() -> None:
    gains, losses, n = np.array([0, 3, 9, 0]), np.array([0, 8, 2, 25]), np.array([30, 60, 500, 25])
    for shift, skewness in ((0.0, 0.0), (0.1, 1.0), (0.5, 1.0)):
        low, high = tango(gains, losses, n, ONE(Z), shift=shift, skewness=skewness)
        back, forth = tango(losses, gains, n, ONE(Z), shift=shift, skewness=skewness)
        np.testing.assert_allclose([back, forth], [-high, -low], atol=1e-12)
        for bound, sign in ((low, 1.0), (high, -1.0)):
            at = tango_statistic(gains, losses, n, bound, shift=shift, skewness=skewness)
            inner = np.abs(bound) < 1.0 - 1e-9
            np.testing.assert_allclose(at[inner], sign * Z, atol=1e-6)


def test_the_correction_for_skewness_solves_its_equation() -> None:
    # z + γ/6·(z² - 1) = T, with γ the skewness of a sum of n differences of -1, 0 and 1.
    gains, losses, n, delta = 4, 17, 300, -0.03
    plain = float(tango_statistic(ONE(gains), ONE(losses), ONE(n), ONE(delta)))
    z = float(tango_statistic(ONE(gains), ONE(losses), ONE(n), ONE(delta), skewness=1.0))
    proportion = scipy.optimize.brentq(
        lambda q: (gains - losses - n * delta) / math.sqrt(n * (2 * q + delta - delta**2)) - plain,
        0.031,
        0.4,
        xtol=1e-15,
    )
    chances = np.array([proportion, 1 - 2 * proportion - delta, proportion + delta])
    values = np.array([-1.0, 0.0, 1.0])
    deviation = math.sqrt(chances @ (values - delta) ** 2)
    gamma = chances @ (values - delta) ** 3 / deviation**3 / math.sqrt(n)
    assert z + gamma / 6 * (z * z - 1) == pytest.approx(plain, abs=1e-9)


@pytest.mark.parametrize(("gains", "losses"), [(0, 0), (0, 1), (3, 9), (9, 3), (50, 50), (400, 470)])
def test_mcnemars_exact_p_is_statsmodels(gains: int, losses: int) -> None:
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    expected = tables.mcnemar([[10, losses], [gains, 10]], exact=True).pvalue if gains + losses else 1.0
    assert mcnemar_exact(gains, losses) == pytest.approx(expected, abs=1e-9)
    if gains + losses:
        assert mcnemar_exact(gains, losses) == pytest.approx(
            scipy.stats.binomtest(gains, gains + losses).pvalue, abs=1e-9
        )


@pytest.mark.parametrize(("events", "n"), [(0, 10), (10, 10), (3, 40), (399, 5000)])
def test_clopper_pearson_is_scipys(events: int, n: int) -> None:
    expected = scipy.stats.binomtest(events, n).proportion_ci(method="exact")
    assert clopper_pearson(events, n) == pytest.approx((expected.low, expected.high), abs=1e-9)
