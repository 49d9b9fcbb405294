"""κ, α and prediction-powered means beside scikit-learn, statsmodels, krippendorff and ppi-python."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pytest

from evalkit.stats import mean_interval
from evalkit.stats.agreement import cohen_kappa, krippendorff_alpha
from evalkit.stats.ppi import NO_HELP, ppi_error, ppi_mean, tuned_power


def raters(seed: int, n: int = 120, categories: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(categories, size=n)
    return tuple(np.where(rng.random(n) < 0.6, truth, rng.integers(categories, size=n)) for _ in range(2))  # type: ignore[return-value]


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
@pytest.mark.parametrize("seed", range(5))
def test_kappa_is_scikit_learns(seed: int, weights: Literal["none", "linear", "quadratic"]) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    one, two = raters(seed)
    theirs = metrics.cohen_kappa_score(one, two, weights=None if weights == "none" else weights)
    assert cohen_kappa(one, two, weights=weights).value == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
@pytest.mark.parametrize("seed", range(5))
def test_alpha_is_krippendorffs(seed: int, level: Literal["nominal", "ordinal", "interval"]) -> None:
    package = pytest.importorskip("krippendorff", reason="krippendorff is the oracle")
    rng = np.random.default_rng(seed)
    ratings = np.stack([*raters(seed), raters(seed)[0], raters(seed + 100)[0]]).astype(float)
    ratings[rng.random(ratings.shape) < 0.2] = np.nan
    theirs = package.alpha(reliability_data=ratings, level_of_measurement=level)
    assert krippendorff_alpha(ratings, level=level).value == pytest.approx(theirs, abs=1e-12)


def test_the_large_sample_interval_of_kappa_is_near_statsmodels() -> None:
    """Its asymptotic variance (Fleiss et al. 1969) and the jackknife are two estimates of one thing."""
    inter = pytest.importorskip("statsmodels.stats.inter_rater", reason="statsmodels is the oracle")
    one, two = raters(1, n=4000)
    table = np.zeros((4, 4))
    np.add.at(table, (one, two), 1)
    theirs = inter.cohens_kappa(table)
    found = cohen_kappa(one, two)
    assert found.low == pytest.approx(theirs.kappa_low, abs=2e-3)
    assert found.high == pytest.approx(theirs.kappa_upp, abs=2e-3)


def test_clusters_widen_the_interval_and_do_not_move_the_value() -> None:
    one, two = raters(2)
    copied = np.tile(one, 3), np.tile(two, 3)
    alone = cohen_kappa(one, two)
    together = cohen_kappa(*copied, clusters=np.tile(np.arange(len(one)), 3))
    assert together.value == pytest.approx(alone.value)
    assert together.high - together.low == pytest.approx(alone.high - alone.low, rel=1e-9)
    naive = cohen_kappa(*copied)
    assert naive.high - naive.low < 0.7 * (together.high - together.low)


def test_without_a_disagreement_the_interval_still_has_a_width() -> None:
    found = cohen_kappa([0, 1] * 15, [0, 1] * 15)
    assert found.value == 1.0
    assert found.low < 0.85
    assert found.how.startswith("hull")


def test_one_category_alone_has_no_kappa() -> None:
    assert math.isnan(cohen_kappa([1, 1, 1], [1, 1, 1]).value)
    assert math.isnan(krippendorff_alpha(np.ones((2, 5))).value)


def test_ratings_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match="two raters"):
        cohen_kappa([1, 2], [1])
    with pytest.raises(ValueError, match="not a number"):
        cohen_kappa([1, math.nan], [1, 2])


def test_kappa_covers_its_truth() -> None:
    """2,000 draws of 200 items; the page on judging holds the table of 10,000."""
    rng = np.random.default_rng(5)
    noise, hits = 0.15, 0
    agree = (1 - noise) ** 2 + noise**2
    truth = (agree - 0.5) / 0.5
    for _ in range(2000):
        y = rng.random(200) < 0.5
        one, two = (np.asarray(y ^ (rng.random(200) < noise), dtype=float) for _ in range(2))
        found = cohen_kappa(one, two)
        hits += found.low <= truth <= found.high
    assert 0.935 <= hits / 2000 <= 0.97


def near_agreement(rng: np.random.Generator, n: int) -> np.ndarray:
    """Two raters' grades of 1 to 5, each off by one in 3 of 100 cases."""
    truth = rng.integers(1, 6, n)
    off = [np.where(rng.random(n) < 0.03, rng.choice([-1, 1], n), 0) for _ in range(2)]
    return np.stack([np.clip(truth + each, 1, 5).astype(float) for each in off])


@pytest.mark.parametrize("n", [5, 10, 20, 50])
def test_near_agreement_every_coefficient_covers_its_truth(n: int) -> None:
    """The jackknife alone held it in 20, 38, 57 and 91 % at n = 5, 10, 20 and 50."""
    many = near_agreement(np.random.default_rng(0), 200_000)
    rng = np.random.default_rng(n)
    draws = [near_agreement(rng, n) for _ in range(150)]
    for truth, found in (
        (krippendorff_alpha(many, level="ordinal").value, [krippendorff_alpha(d, level="ordinal") for d in draws]),
        (krippendorff_alpha(many, level="interval").value, [krippendorff_alpha(d, level="interval") for d in draws]),
        (cohen_kappa(*many, weights="quadratic").value, [cohen_kappa(*d, weights="quadratic") for d in draws]),
    ):
        known = [each for each in found if math.isfinite(each.value)]
        assert sum(each.low <= truth <= each.high for each in known) >= 0.93 * len(known)


def test_an_interval_holds_its_value_and_is_as_wide_as_one_more_unit_makes_it() -> None:
    alike = krippendorff_alpha(np.array([[1.0, 2.0, 3.0, 4.0, 5.0]] * 2), level="interval")
    assert (alike.value, alike.high) == (1.0, 1.0)
    assert alike.low < 0.5
    assert alike.how.startswith("hull of the jackknife and score")


# ---------------------------------------------------------------- prediction-powered inference


def labels(seed: int, n: int = 300, more: int = 3000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n + more)
    f = 0.7 * y + 0.3 + rng.normal(size=n + more) / 2
    return y[:n], f[:n], f[n:]


@pytest.mark.parametrize("power", [1.0, 0.4])
@pytest.mark.parametrize("seed", range(3))
def test_a_prediction_powered_mean_is_ppi_pythons(seed: int, power: float) -> None:
    ppi_py = pytest.importorskip("ppi_py", reason="ppi-python is the oracle")
    y, f, g = labels(seed)
    value = ppi_py.ppi_mean_pointestimate(y, f, g, lam=power)
    low, high = ppi_py.ppi_mean_ci(y, f, g, alpha=0.05, lam=power)
    assert ppi_mean(y, f, g, power=power).value == pytest.approx(float(value[0]), abs=1e-12)
    # Its variances divide by n, ours by n - 1.
    assert ppi_error(y, f, g, power) == pytest.approx(float((high - low)[0]) / (2 * 1.959964), rel=3e-3)


@pytest.mark.parametrize("seed", range(3))
def test_the_tuned_power_is_ppi_pythons(seed: int) -> None:
    ppi_py = pytest.importorskip("ppi_py", reason="ppi-python is the oracle")
    y, f, g = labels(seed)
    assert ppi_mean(y, f, g, power=None).value == pytest.approx(
        float(ppi_py.ppi_mean_pointestimate(y, f, g)[0]), abs=1e-3
    )
    assert 0.0 < tuned_power(y, f, g) <= 1.0


def test_a_biased_judge_is_corrected() -> None:
    rng = np.random.default_rng(8)
    y = (rng.random(4000) < 0.4).astype(float)
    f = np.where(rng.random(4000) < 0.3, 1.0, y)
    found = ppi_mean(y[:200], f[:200], f[200:])
    assert f.mean() > 0.55
    assert found.low < 0.4 < found.high


def test_few_disagreements_have_a_score_interval_and_no_tuned_power() -> None:
    y = np.tile([0.0, 1.0], 30)
    f = y.copy()
    f[0] = 1.0
    found = ppi_mean(y, f, np.tile(f, 5), power=None)
    assert "λ=1," in found.how
    assert found.low < found.value < found.high


def test_a_prediction_powered_share_covers_its_truth() -> None:
    rng = np.random.default_rng(9)
    hits = 0
    for _ in range(500):
        y = rng.random(1100) < 0.5
        f = np.asarray(y ^ (rng.random(1100) < 0.2), dtype=float)
        found = ppi_mean(y[:100].astype(float), f[:100], f[100:])
        hits += found.low <= 0.5 <= found.high
    assert 0.925 <= hits / 500 <= 0.985


def test_a_rare_outcome_is_told_by_the_labels_alone() -> None:
    """With λ tuned on five of a hundred the interval covered 89 to 92 %."""
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(300):
        y = (rng.random(1100) < 0.05).astype(float)
        f = np.where(rng.random(1100) < 0.9, y, 1.0 - y)
        found = ppi_mean(y[:100], f[:100], f[100:], power=None)
        hits += found.low <= 0.05 <= found.high
    assert hits / 300 >= 0.935
    assert found.how.endswith("100 labels alone: the judge does not help")


def test_a_judge_that_does_not_help_is_said_not_to() -> None:
    rng = np.random.default_rng(5)
    y = (rng.random(1100) < 0.5).astype(float)
    weak, good = (np.where(rng.random(1100) < right, y, 1.0 - y) for right in (0.55, 0.95))
    alone = mean_interval(y[:100])
    for judge, helps in ((weak, False), (good, True)):
        found = ppi_mean(y[:100], judge[:100], judge[100:])
        assert (NO_HELP in found.how) is not helps
        assert (found.high - found.low < alone.high - alone.low) is helps


def test_clusters_of_labels_widen_the_corrected_mean() -> None:
    rng = np.random.default_rng(6)
    level = rng.random(40)
    clusters = np.repeat(np.arange(40), 20)
    y = (rng.random(800) < level[clusters]).astype(float)
    f = np.where(rng.random(800) < 0.9, y, 1.0 - y)
    parts = (y[:200], f[:200], f[200:])
    together = ppi_mean(*parts, clusters=clusters[:200], unlabelled_clusters=clusters[200:])
    alone = ppi_mean(*parts)
    assert together.value == alone.value
    assert together.high - together.low > 1.2 * (alone.high - alone.low)
