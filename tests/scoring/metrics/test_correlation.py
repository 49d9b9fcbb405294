"""Correlations against scipy, the area under the ROC curve against scikit-learn, on random and adversarial values."""

from __future__ import annotations

import math
import time
import warnings

import numpy as np
import pytest

from evalkit.core import Record, Sample, Score
from evalkit.plugins.named import metrics
from evalkit.scoring.metrics.correlation import auroc, pearson, spearman
from evalkit.stats import correlations

stats = pytest.importorskip("scipy.stats", reason="scipy is the oracle")


def pairs(rng: np.random.Generator, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Two columns: smooth, full of ties, huge, tiny, nearly constant, with outliers, of opposite order."""
    n = int(rng.integers(3, 60))
    x = rng.normal(size=n)
    y = x * rng.normal() + rng.normal(size=n)
    kind = number % 8
    if kind == 1:
        x, y = np.round(x), np.round(y)
    elif kind == 2:
        x, y = x * 1e150, y * 1e-150
    elif kind == 3:
        x = 1e6 + x * 1e-3
    elif kind == 4:
        x[0], y[-1] = 1e9, -1e9
    elif kind == 5:
        y = -np.exp(x)
    elif kind == 6:
        x, y = rng.integers(0, 2, n).astype(float), rng.integers(0, 3, n).astype(float)
    elif kind == 7:
        x[: n // 2] = x[0]
    return x, y


@pytest.mark.parametrize("kind", range(8))
def test_equal_scipy(kind: int) -> None:
    for number in range(kind, 400, 8):
        x, y = pairs(np.random.default_rng(number), number)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            rank, line = stats.spearmanr(x, y).statistic, stats.pearsonr(x, y).statistic
        assert correlations.spearman(x, y).value == pytest.approx(rank, abs=1e-12, nan_ok=True)
        assert correlations.pearson(x, y).value == pytest.approx(line, abs=1e-9, nan_ok=True)


def test_auroc_equals_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    for number in range(200):
        rng = np.random.default_rng(number)
        x, _ = pairs(rng, number)
        labels = rng.integers(0, 2, len(x))
        labels[:2] = 0, 1
        found = correlations.auroc(x, labels.astype(float))
        assert found.value == pytest.approx(metrics.roc_auc_score(labels, x), abs=1e-12)


@pytest.mark.parametrize("kind", [0, 1, 6])
def test_the_error_is_that_of_leaving_out_one_after_the_other(kind: int) -> None:
    """The oracle computes scipy's correlation again without each sample; 400 of them, ties among them."""
    rng = np.random.default_rng(kind)
    x = rng.normal(size=400)
    y = 0.7 * x + rng.normal(size=400)
    if kind == 1:
        x, y = np.round(2 * x), np.round(y)
    elif kind == 6:
        x = (x > 0.5).astype(float)
    for mine, theirs in ((correlations.spearman, stats.spearmanr), (correlations.pearson, stats.pearsonr)):
        without = [math.atanh(theirs(np.delete(x, i), np.delete(y, i)).statistic) for i in range(400)]
        error = math.sqrt(399 / 400 * float(np.square(np.array(without) - np.mean(without)).sum()))
        found = mine(x, y)
        reach = math.atanh(found.high) - math.atanh(found.value)
        assert reach / stats.t.ppf(0.975, 399) == pytest.approx(error, rel=0.02)


def test_the_error_of_the_area_is_delongs() -> None:
    """Its covariance as it is written down, over all pairs of a positive and another sample."""
    rng = np.random.default_rng(1)
    labels = (rng.random(300) < 0.3).astype(float)
    x = np.round(rng.normal(size=300) + labels, 1)
    wins = (x[labels == 1][:, None] > x[labels == 0]) + 0.5 * (x[labels == 1][:, None] == x[labels == 0])
    variance = wins.mean(axis=1).var(ddof=1) / wins.shape[0] + wins.mean(axis=0).var(ddof=1) / wins.shape[1]
    found = correlations.auroc(x, labels)
    half = (found.high - found.low) / 2
    assert half == pytest.approx(1.96 * math.sqrt(variance), rel=0.03)


def record(one: float | None, two: float, index: int = 0) -> Record:
    scores = (Score("reference", two), *(() if one is None else (Score("cosine", one),)))
    return Record("t", index, Sample(str(index), "x"), scores=scores)


def test_the_metrics_take_two_scores_of_a_record() -> None:
    rows = [spearman().observe(record(value, value**3)) for value in (0.1, 0.5, -0.2, 0.9)]
    assert rows[0] == (0.1, pytest.approx(0.001))
    assert spearman().observe(record(None, 1.0)) is None
    found = spearman().estimate(np.array(rows), np.arange(4))
    assert (found.value, found.n) == (pytest.approx(1.0), 4)
    assert pearson().estimate(np.array(rows), np.arange(4)).value < 1.0
    assert auroc(score="cosine").estimate(np.array([[1.0, 0.0], [2.0, 1.0]]), np.arange(2)).value == 1.0
    assert metrics.by_name("spearman", score="a", reference="b").name == "spearman"
    assert metrics.by_name("pearson").width == 2


def test_what_does_not_vary_has_no_correlation() -> None:
    found = spearman().estimate(np.array([[0.5, 1.0], [0.5, 2.0], [0.5, 3.0]]), np.arange(3))
    assert math.isnan(found.value)
    assert found.how == "undefined"
    assert math.isnan(pearson().estimate(np.zeros((0, 2)), np.zeros(0, int)).value)
    assert math.isnan(pearson().estimate(np.array([[0.1 + 0.2, 1.0], [0.3, 2.0], [0.3, 3.0]]), np.arange(3)).value)


def test_the_interval_covers_as_often_as_it_says() -> None:
    """Of 200 draws of 80 pairs with a rank correlation of 0.5825 (ρ = 0.6), 95 % intervals miss few."""
    rng = np.random.default_rng(3)
    true = 6 / math.pi * math.asin(0.6 / 2)
    missed = 0
    for _ in range(400):
        x = rng.normal(size=80)
        y = 0.6 * x + 0.8 * rng.normal(size=80)
        found = correlations.spearman(x, y)
        missed += not found.low <= true <= found.high
    assert 8 <= missed <= 33


def test_what_strays_from_no_line_is_not_certain() -> None:
    x = np.arange(20.0)
    for statistic in (correlations.spearman, correlations.pearson):
        found = statistic(x, 2 * x)
        assert found.value == pytest.approx(1.0)
        assert math.isnan(found.low)
        assert found.how.endswith("nothing varies")
    few = correlations.pearson(x[:4], x[:4] ** 2)
    assert (math.isnan(few.low), few.how) == (True, "too few to resample: 4 samples")
    apart = correlations.auroc(x, (x > 9).astype(float))
    assert (apart.value, apart.high) == (1.0, 1.0)
    assert 0.6 < apart.low < 0.95
    assert correlations.auroc(x, (x > 18).astype(float)).how == "one sample of a kind"


def test_a_million_samples_take_a_few_seconds() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=1_000_000)
    y = np.round(0.8 * x + 0.6 * rng.normal(size=1_000_000), 2)
    for statistic in (correlations.spearman, correlations.pearson):
        started = time.process_time()
        found = statistic(x, y)
        assert time.process_time() - started < 4.0
        assert found.low < found.value < found.high < found.low + 0.005


def test_the_interval_is_of_clusters_and_the_same_every_time() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=100), rng.normal(size=100)
    y += x
    copies = np.repeat(np.arange(100), 4)
    for statistic in (correlations.pearson, correlations.spearman):
        alone, four = statistic(x, y), statistic(x[copies], y[copies], copies)
        naive = statistic(x[copies], y[copies])
        assert four.value == pytest.approx(alone.value)
        assert four.high - four.low == pytest.approx(alone.high - alone.low, rel=1e-6)
        assert naive.high - naive.low < 0.7 * (four.high - four.low)
        assert statistic(x, y) == alone
