"""The spread over forms against plain means on random values, and what its interval does."""

from __future__ import annotations

import math
import random
from collections import defaultdict

import numpy as np
import pytest

from evalkit.core import Record, Sample, Score, Validity
from evalkit.plugins.named import metrics
from evalkit.scoring.metrics import spread


def record(value: float, form: object, number: int = 0) -> Record:
    return Record("t", number, Sample(str(number), "x", data={"form": form}), scores=(Score("acc", value),))


def estimate(metric, records, clusters):
    rows = np.array([metric.observe(each) for each in records])
    return metric.estimate(rows, np.array(clusters))


def test_equals_plain_means_by_form() -> None:
    rng = random.Random(2)
    for _ in range(100):
        forms, count = rng.randrange(2, 6), rng.randrange(5, 30)
        asked = [(rng.choice([0.0, 1.0, 0.5]), form) for _ in range(count) for form in range(forms)]
        records = [record(value, form, number) for number, (value, form) in enumerate(asked)]
        by_form = defaultdict(list)
        for value, form in asked:
            by_form[form].append(value)
        means = [sum(values) / len(values) for values in by_form.values()]
        clusters = [number // forms for number in range(len(asked))]
        found = estimate(spread("acc", forms=forms), records, clusters)
        assert found.value == pytest.approx(max(means) - min(means), abs=1e-12)
        worst = estimate(spread("acc", forms=forms, of="worst"), records, clusters)
        assert worst.value == pytest.approx(min(means), abs=1e-12)
        assert worst.low <= worst.value <= worst.high


def test_a_form_that_was_not_asked_takes_no_part() -> None:
    records = [record(1.0, 0), record(0.5, 2), record(1.0, 0), record(0.5, 2)]
    assert estimate(spread("acc", forms=4), records, [0, 0, 1, 1]).value == 0.5
    assert estimate(spread("acc", forms=4, of="worst"), records, [0, 0, 1, 1]).value == 0.5


def test_what_has_no_form_is_not_observed() -> None:
    metric = spread("acc", forms=2)
    assert metric.observe(record(1.0, 1)) == (0.0, 1.0, 0.0, 1.0)
    assert metric.observe(record(1.0, 2)) is None
    assert metric.observe(record(1.0, None)) is None
    assert metric.observe(Record("t", 0, Sample("1", "x", data={"form": 0}), validity=Validity.REFUSED)) is None
    assert math.isnan(metric.estimate(np.zeros((0, 4)), np.zeros(0, int)).value)


def test_names_and_settings() -> None:
    assert spread("acc", forms=2).name == "acc_spread"
    assert spread("acc", forms=2, of="worst").higher_is_better
    assert not metrics.by_name("spread", score="acc", forms=2).higher_is_better
