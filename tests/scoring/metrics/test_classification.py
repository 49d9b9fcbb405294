"""Matthews' correlation and F1 against scikit-learn, on whole data and on every resample."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evalkit.core import Metric, Record, Sample, Score, Validity
from evalkit.scoring.metrics import macro_f1, mcc, micro_f1
from evalkit.scoring.metrics.classification import _class_counts, macro_f1_values, mcc_values, micro_f1_values

sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")

NONE = 999


def pairs(rng: np.random.Generator, n: int, classes: int, *, named: bool) -> np.ndarray:
    right = rng.choice(classes, size=n, p=rng.dirichlet(np.ones(classes)))
    said = np.where(rng.random(n) < rng.random(), right, rng.integers(classes, size=n))
    if not named:
        said = np.where(rng.random(n) < 0.2, -1, said)
    return np.column_stack([said, right]).astype(np.float64)


def oracle(metric: str, rows: np.ndarray) -> float:
    said, right = np.where(rows[:, 0] < 0, NONE, rows[:, 0]).astype(int), rows[:, 1].astype(int)
    if metric == "mcc":
        return float(sklearn.matthews_corrcoef(right, said))
    # A reply that names no class is wrong, but is not a class whose F1 would be averaged.
    labels = sorted({*said, *right} - {NONE})
    average = metric.removesuffix("_f1")
    return float(sklearn.f1_score(right, said, labels=labels, average=average, zero_division=0.0))


CASES = [
    (seed, n, classes, named)
    for seed, (n, classes) in enumerate([(1, 2), (2, 2), (5, 3), (40, 2), (300, 5)] * 12)
    for named in (True, False)
]
METRICS: list[Metric] = [mcc(), macro_f1(), micro_f1()]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
@pytest.mark.filterwarnings("ignore")
def test_equal_scikit_learn(metric: Metric) -> None:
    seen = set()
    for seed, n, classes, named in CASES:
        rows = pairs(np.random.default_rng(seed), n, classes, named=named)
        found = metric.estimate(rows, np.arange(n))
        assert found.value == pytest.approx(oracle(metric.name, rows), abs=1e-12)
        assert found.n == n
        seen.add(round(found.value, 6))
    assert len(seen) > 40


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
@pytest.mark.filterwarnings("ignore")
def test_sums_of_a_resample_are_the_resample_scored_again(metric: Metric) -> None:
    rows = pairs(np.random.default_rng(1), 60, 4, named=False)
    wide = _class_counts(rows.astype(np.int64), np.arange(60), 60)
    formula = {"mcc": mcc_values, "macro_f1": macro_f1_values, "micro_f1": micro_f1_values}[metric.name]
    picks = np.random.default_rng(2).integers(60, size=(100, 60))
    sums = wide[picks].sum(axis=1)
    found = formula(sums[:, :4], sums[:, 4:8], sums[:, 8:12], sums[:, 12])
    expected = [oracle(metric.name, rows[own]) for own in picks]
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("rows", "value"),
    [
        ([[0, 0], [1, 1]], 1.0),
        ([[0, 1], [1, 0]], -1.0),
        ([[0, 0], [0, 1]], 0.0),
        ([[0, 0], [0, 0]], 0.0),
        ([[-1, 0], [-1, 1]], 0.0),
    ],
)
def test_mcc_by_hand(rows: list[list[float]], value: float) -> None:
    assert mcc().estimate(np.array(rows, dtype=float), np.arange(2)).value == value


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Simulated: 2,000 draws of a known confusion, whose F1 is computed from the probabilities."""
    p = np.array([[0.35, 0.10], [0.15, 0.40]])
    both, said, right = np.diag(p), p.sum(axis=0), p.sum(axis=1)
    truth = float((2 * both / (said + right)).mean())
    rng, inside, runs = np.random.default_rng(5), 0, 150
    for _ in range(runs):
        cells = rng.choice(4, size=150, p=p.ravel())
        found = macro_f1().estimate(np.column_stack([cells % 2, cells // 2]).astype(float), np.arange(150))
        inside += found.low <= truth <= found.high
    assert 0.89 <= inside / runs <= 0.99


def test_many_samples_are_resampled_in_groups_and_clusters_widen() -> None:
    rows = pairs(np.random.default_rng(3), 30_000, 3, named=True)
    alone = macro_f1().estimate(rows, np.arange(30_000))
    ten = macro_f1().estimate(np.repeat(rows[:3000], 10, axis=0), np.repeat(np.arange(3000), 10))
    assert alone.n == ten.n == 30_000
    assert ten.high - ten.low > 2 * (alone.high - alone.low)
    assert alone.value == pytest.approx(oracle("macro_f1", rows), abs=1e-12)
    expected = 2 * 1.96 * 0.5 / math.sqrt(30_000)
    assert 0.3 * expected < alone.high - alone.low < 2 * expected


def test_which_records_count() -> None:
    def record(*scores: Score) -> Record:
        return Record("t", 0, Sample("1", "q"), scores=scores)

    assert mcc().observe(record(Score("correct", 1.0, counts=(2.0, 2.0)))) == (2.0, 2.0)
    assert mcc().observe(record(Score("correct", 0.0, validity=Validity.NO_ANSWER, counts=(-1.0, 2.0)))) == (-1.0, 2.0)
    assert mcc().observe(record(Score("correct", 0.0, validity=Validity.UNJUDGED, counts=(1.0, 2.0)))) is None
    assert mcc().observe(record(Score("acc", 1.0))) is None
    assert math.isnan(mcc().estimate(np.zeros((0, 2)), np.arange(0)).value)


def test_macro_f1_of_five_samples_has_no_interval_and_of_six_it_has() -> None:
    rows = np.asarray([[0, 0], [1, 1], [0, 1], [1, 1], [0, 0], [1, 0]], dtype=float)
    five, six = (macro_f1().estimate(rows[:n], np.arange(n)) for n in (5, 6))
    assert math.isnan(five.low)
    assert five.how == "too few to resample: 5 samples"
    assert six.low < six.value < six.high
