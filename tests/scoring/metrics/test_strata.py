"""The mean of group means against numpy, and its interval against a simulation."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import scipy.stats

from evalkit.core import Record, Sample, Score, Validity
from evalkit.scoring.metrics.strata import macro_mean
from evalkit.stats import wilson


def record(group: str, value: float, validity: Validity = Validity.OK) -> Record:
    sample = Sample("1", "q", groups=("other", group))
    return Record("t", 0, sample, scores=(Score("s", value, validity=validity),), validity=validity)


def test_equals_weighted_group_means_by_numpy() -> None:
    rng = random.Random(2)
    weights = {"a": 1.0, "b": 0.5, "c": 2.0}
    metric = macro_mean("s", weights, name="m")
    values = {group: [rng.random() for _ in range(size)] for group, size in (("a", 5), ("b", 40), ("c", 11))}
    rows = np.array([metric.observe(record(group, v)) for group, found in values.items() for v in found])
    expected = np.average([np.mean(found) for found in values.values()], weights=list(weights.values()))
    found = metric.estimate(rows, np.arange(len(rows)))
    assert found.value == pytest.approx(expected, abs=1e-12)
    proportions = [1 / 3.5, 0.5 / 3.5, 2 / 3.5]
    sizes, spreads = [5, 40, 11], [np.std(drawn, ddof=1) for drawn in values.values()]
    errors = [w * s / n**0.5 for w, s, n in zip(proportions, spreads, sizes, strict=True)]
    freedom = sum(e**2 for e in errors) ** 2 / sum(e**4 / (n - 1) for e, n in zip(errors, sizes, strict=True))
    # Half a sample unseen at either end, as large as the weights' design effect (to the power 0.6) makes one.
    clump = (56 * sum(w * w / n for w, n in zip(proportions, sizes, strict=True))) ** 0.6
    middle = (56 * expected + clump / 2) / (56 + clump)
    variance = 56**2 * sum(e**2 for e in errors) + clump**2 * (middle**2 + (1 - middle) ** 2) / 2
    bounds = wilson(expected, middle * (1 - middle) * 56**2 / variance, scipy.stats.t.ppf(0.975, freedom))
    assert (found.low, found.high) == pytest.approx(bounds, rel=1e-9)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    proportions = {"a": 0.2, "b": 0.5, "c": 0.8}
    metric = macro_mean("s", dict.fromkeys(proportions, 1.0), name="m")
    covered = 0
    for _ in range(400):
        drawn = [(float(rng.random() < p), float(k)) for k, p in enumerate(proportions.values()) for _ in range(40)]
        found = metric.estimate(np.array(drawn), np.arange(len(drawn)))
        covered += found.low <= 0.5 <= found.high
    assert 0.92 < covered / 400 < 0.98


def test_groups_that_are_right_throughout_are_no_certainty() -> None:
    rng = np.random.default_rng(5)
    metric = macro_mean("s", dict.fromkeys("abcde", 1.0), name="m")
    groups = np.repeat(np.arange(5.0), 10)
    covered = 0
    for _ in range(400):
        rows = np.column_stack([(rng.random(50) < 0.98).astype(float), groups])
        found = metric.estimate(rows, np.arange(50))
        covered += found.low <= 0.98 <= found.high
    # 64 % where each group's spread is taken as it was seen.
    assert covered / 400 >= 0.93


def test_what_has_no_group_or_no_value_is_left_out() -> None:
    metric = macro_mean("s", {"a": 1.0}, name="m")
    assert metric.observe(record("b", 1.0)) is None
    assert metric.observe(record("a", 1.0, Validity.UNJUDGED)) is None
    assert metric.observe(record("a", 0.0, Validity.NO_ANSWER)) == (0.0, 0.0)


def test_groups_without_samples_do_not_count_and_single_samples_have_no_interval() -> None:
    metric = macro_mean("s", {"a": 1.0, "b": 3.0}, name="m")
    only_b = metric.estimate(np.array([[1.0, 1.0], [0.0, 1.0]]), np.arange(2))
    assert only_b.value == 0.5
    one = metric.estimate(np.array([[1.0, 0.0], [0.0, 1.0]]), np.arange(2))
    assert one.value == 0.25
    assert math.isnan(one.low)
    assert math.isnan(metric.estimate(np.zeros((0, 2)), np.zeros(0, dtype=int)).value)
