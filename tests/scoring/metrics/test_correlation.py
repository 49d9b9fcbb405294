"""Correlations against scipy, the area under the ROC curve against scikit-learn, on random and adversarial values."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from evalkit.core import Record, Sample, Score
from evalkit.plugins.named import metrics
from evalkit.scoring.metrics.correlation import auroc, pearson, spearman
from evalkit.stats.weighted import auroc as weighted_auroc
from evalkit.stats.weighted import pearson as weighted_pearson
from evalkit.stats.weighted import spearman as weighted_spearman
from evalkit.stats.weighted import weighted_interval

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
        ones = np.ones((1, len(x)))
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            rank, line = stats.spearmanr(x, y).statistic, stats.pearsonr(x, y).statistic
        assert weighted_spearman(x, y)(ones)[0] == pytest.approx(rank, abs=1e-12, nan_ok=True)
        assert weighted_pearson(x, y)(ones)[0] == pytest.approx(line, abs=1e-9, nan_ok=True)


def test_weights_are_repetitions() -> None:
    for number in range(200):
        rng = np.random.default_rng(number)
        x, y = pairs(rng, number)
        labels = rng.integers(0, 2, len(x)).astype(float)
        times = rng.integers(0, 4, len(x))
        if times.sum() < 3:
            times[:] = 1
        again_x, again_y, again_labels = np.repeat(x, times), np.repeat(y, times), np.repeat(labels, times)
        weights, ones = times[None, :].astype(float), np.ones((1, int(times.sum())))
        with np.errstate(all="ignore"):
            for statistic in (weighted_spearman, weighted_pearson):
                one, other = statistic(x, y)(weights)[0], statistic(again_x, again_y)(ones)[0]
                assert one == pytest.approx(other, abs=1e-8, nan_ok=True)
            one = weighted_auroc(x, labels)(weights)[0]
            assert one == pytest.approx(weighted_auroc(again_x, again_labels)(ones)[0], abs=1e-12, nan_ok=True)


def test_auroc_equals_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    for number in range(200):
        rng = np.random.default_rng(number)
        x, _ = pairs(rng, number)
        labels = rng.integers(0, 2, len(x))
        labels[:2] = 0, 1
        found = weighted_auroc(x, labels.astype(float))(np.ones((1, len(x))))[0]
        assert found == pytest.approx(metrics.roc_auc_score(labels, x), abs=1e-12)


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
    for _ in range(200):
        x = rng.normal(size=80)
        y = 0.6 * x + 0.8 * rng.normal(size=80)
        found = weighted_interval(weighted_spearman(x, y), 80, seed=1, resamples=400)
        missed += not found.low <= true <= found.high
    assert 2 <= missed <= 24


def test_the_interval_is_of_clusters_and_the_same_every_time() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=100), rng.normal(size=100)
    y += x
    repeated = np.repeat(x, 4), np.repeat(y, 4)
    alone = weighted_interval(weighted_pearson(x, y), 100, seed=1)
    four = weighted_interval(weighted_pearson(*repeated), 400, np.repeat(np.arange(100), 4), seed=1)
    naive = weighted_interval(weighted_pearson(*repeated), 400, seed=1)
    assert four.value == pytest.approx(alone.value)
    assert four.high - four.low == pytest.approx(alone.high - alone.low, rel=1e-6)
    assert naive.high - naive.low < 0.7 * (four.high - four.low)
    assert weighted_interval(weighted_pearson(x, y), 100, seed=1) == alone
