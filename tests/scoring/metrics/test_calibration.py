"""Brier score and calibration error against scikit-learn, torchmetrics and scipy."""

from __future__ import annotations

import asyncio
import math

import numpy as np
import pytest

from evalkit.core import Record, Reply, Sample, Score, UsageError
from evalkit.scoring.metrics import ece
from evalkit.scoring.scorers import calibration
from evalkit.scoring.scorers.confidence import softmax


def drawn(seed: int, n: int, choices: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    values = -rng.gamma(2.0, 3.0, size=(n, choices))
    right = rng.integers(choices, size=n)
    values[np.arange(n), right] += rng.normal(2.0, 2.0, size=n)
    return values, right


def scored(values: np.ndarray, right: np.ndarray) -> list[tuple[Score, ...]]:
    scorer = calibration()
    choices = tuple(f"choice {number}" for number in range(values.shape[1]))

    async def run() -> list[tuple[Score, ...]]:
        return [
            await scorer.score(
                Sample("1", "q", choices=choices, gold=(int(gold),)), (Reply(loglikelihoods=tuple(map(float, own))),)
            )
            for own, gold in zip(values, right, strict=True)
        ]

    return asyncio.run(run())


def rows(found: list[tuple[Score, ...]]) -> np.ndarray:
    return np.array([ece().observe(Record("t", 0, Sample("1", "q"), scores=scores)) for scores in found])


@pytest.mark.parametrize("choices", [2, 4, 10])
def test_brier_equals_scikit_learn(choices: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    values, right = drawn(choices, 200, choices)
    found = scored(values, right)
    proportions = np.array([softmax(list(own)) for own in values])
    labels = list(range(choices))
    expected = metrics.brier_score_loss(right, proportions, labels=labels, scale_by_half=False)
    assert np.mean([scores[0].value for scores in found]) == pytest.approx(expected, abs=1e-12)


def test_the_interval_of_brier_reaches_to_two() -> None:
    brier = calibration().metrics[0]
    wrong = brier.estimate(np.full((20, 1), 2.0), np.arange(20))
    assert (wrong.value, wrong.high) == (2.0, 2.0) and 1.5 < wrong.low < 1.9
    split = brier.estimate(np.array([[1.9], [0.1]] * 20), np.arange(40))
    assert split.value == pytest.approx(1.0) and split.low < 0.8 and split.high > 1.2


def test_softmax_equals_scipy() -> None:
    special = pytest.importorskip("scipy.special", reason="scipy is the oracle")
    rng = np.random.default_rng(0)
    for scale in (1e-3, 1.0, 50.0, 1e6):
        for _ in range(50):
            values = list(rng.normal(-scale, scale, size=int(rng.integers(1, 12))))
            assert softmax(values) == pytest.approx(special.softmax(values), abs=1e-12)


@pytest.mark.parametrize("bins", [1, 5, 15, 100])
@pytest.mark.parametrize("choices", [2, 4, 10])
def test_ece_equals_torchmetrics(choices: int, bins: int) -> None:
    torch = pytest.importorskip("torch", reason="torchmetrics needs torch")
    oracle = pytest.importorskip("torchmetrics.functional.classification", reason="torchmetrics is the oracle")
    for seed in range(10):
        values, right = drawn(seed, 300, choices)
        proportions = np.array([softmax(list(own)) for own in values])
        expected = oracle.multiclass_calibration_error(
            torch.tensor(proportions), torch.tensor(right), num_classes=choices, n_bins=bins, norm="l1"
        )
        found = ece(bins=bins).estimate(rows(scored(values, right)), np.arange(300))
        assert found.value == pytest.approx(float(expected), abs=1e-6)
        assert found.low <= found.high


def test_bins_equal_scikit_learns_calibration_curve() -> None:
    curve = pytest.importorskip("sklearn.calibration", reason="scikit-learn is the oracle").calibration_curve
    values, right = drawn(4, 500, 4)
    seen = rows(scored(values, right))
    share_right, confidence = curve(seen[:, 1], seen[:, 0], n_bins=15, strategy="uniform")
    sizes = np.bincount(np.searchsorted(np.linspace(0, 1, 16)[1:-1], seen[:, 0]), minlength=15)
    expected = (sizes[sizes > 0] * np.abs(share_right - confidence)).sum() / 500
    assert ece().estimate(seen, np.arange(500)).value == pytest.approx(expected, abs=1e-12)


def test_by_hand_with_confidences_on_the_edges() -> None:
    # (0.5, 1.0] holds 0.9 (right) and 0.7 (wrong); (0, 0.5] holds 0.5 (right): |1.6 - 1| + |0.5 - 1| over 3.
    seen = np.array([[0.9, 1.0], [0.7, 0.0], [0.5, 1.0]])
    assert ece(bins=2).estimate(seen, np.arange(3)).value == pytest.approx((0.6 + 0.5) / 3)
    assert ece(bins=2).estimate(np.array([[1.0, 1.0], [1.0, 1.0]]), np.arange(2)).value == 0.0


def test_lengths_divide_where_they_are_told_to() -> None:
    sample = Sample("1", "q", choices=("ab", "äöüß"), gold=(0,))
    reply = Reply(loglikelihoods=(-2.0, -8.0))
    for per, values in (("sum", [-2.0, -8.0]), ("character", [-1.0, -2.0]), ("byte", [-1.0, -1.0])):
        found = asyncio.run(calibration(per=per).score(sample, (reply,)))  # type: ignore[arg-type]
        assert found[1].value == pytest.approx(max(softmax(values)))


@pytest.mark.parametrize(
    ("gold", "values", "says"),
    [
        ((), (-1.0, -2.0), "must be right"),
        ((0, 1), (-1.0, -2.0), "must be right"),
        ((2,), (-1.0, -2.0), "must be right"),
        ((0,), (-1.0,), "1 log-likelihoods for 2 choices"),
        ((0,), (-math.inf, -1.0), "not finite"),
    ],
)
def test_what_cannot_be_measured_raises(gold: tuple[int, ...], values: tuple[float, ...], says: str) -> None:
    sample = Sample("1", "q", choices=("a", "b"), gold=gold)
    with pytest.raises(ValueError, match=says):
        asyncio.run(calibration().score(sample, (Reply(loglikelihoods=values),)))


def test_no_bins_are_a_mistake() -> None:
    with pytest.raises(UsageError, match="a bin at least"):
        ece(bins=0)
