"""Calibration and latency of a report, against scikit-learn's and numpy's."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from evalkit.core import Record, Reply, Sample
from evalkit.reporting import Tally


def choice(number: int, draw: random.Random) -> Record:
    values = tuple(-draw.random() * 3 for _ in range(4))
    reply = Reply(loglikelihoods=values, greedy=(False,) * 4, seconds=draw.random())
    return Record(
        "t", number, Sample(str(number), "?", choices=tuple("abcd"), gold=(draw.randrange(4),)), replies=(reply,)
    )


def test_reliability_is_that_of_scikit_learn() -> None:
    calibration = pytest.importorskip("sklearn.calibration", reason="scikit-learn's calibration_curve is the oracle")
    draw = random.Random(3)
    records = [choice(number, draw) for number in range(500)]
    tally = Tally()
    confidence, right = [], []
    for record in records:
        tally.add(record)
        proportions = np.exp(record.replies[0].loglikelihoods)
        proportions /= proportions.sum()
        confidence.append(proportions.max())
        right.append(int(proportions.argmax()) in record.sample.gold)
    true, mean = calibration.calibration_curve(right, confidence, n_bins=10)
    assert [c for c, _, _ in tally.bins] == pytest.approx(list(mean))
    assert [r for _, r, _ in tally.bins] == pytest.approx(list(true))
    weights = np.histogram(confidence, bins=np.linspace(0, 1, 11))[0]
    weights = weights[weights > 0] / 500
    assert tally.ece == pytest.approx(float((weights * np.abs(mean - true)).sum()))


def test_quantiles_are_nearest_ranks() -> None:
    draw = random.Random(5)
    tally = Tally()
    for number in range(137):
        tally.add(choice(number, draw))
    for proportion in (0.01, 0.5, 0.99, 1.0):
        assert tally.quantile(proportion) == np.quantile(np.asarray(tally.seconds), proportion, method="inverted_cdf")
    assert math.isnan(Tally().quantile(0.5))


def test_without_probabilities_there_is_no_calibration() -> None:
    tally = Tally()
    tally.add(Record("t", 0, Sample("a", "?"), replies=(Reply(texts=("x",), finish=("stop",)),)))
    assert tally.ece is None
    assert tally.bins == []
    assert tally.finishes == {"stop": 1}
