"""The mean of a score: which records count, and how."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from evalkit.core import Metric, Record, Sample, Score, UsageError, Validity
from evalkit.plugins import named
from evalkit.runs.runner.collect import Collector
from evalkit.scoring import metrics

SAMPLE = Sample("1", "q")


def record(*scores: Score, validity: Validity = Validity.OK) -> Record:
    return Record("t", 0, SAMPLE, scores=scores, validity=validity)


@pytest.mark.parametrize(
    ("seen", "row"),
    [
        (record(Score("f1", 0.5), Score("exact", 0.0)), (0.5,)),
        (record(Score("f1", 0.5, validity=Validity.LENGTH), validity=Validity.LENGTH), (0.5,)),
        (record(Score("f1", 0.0, validity=Validity.NO_ANSWER), validity=Validity.NO_ANSWER), (0.0,)),
        # A model's own failure counts at the failure value even where nothing was scored.
        (record(validity=Validity.REFUSED), (0.0,)),
        (record(validity=Validity.TIMEOUT), (0.0,)),
        # Measurement failures leave n.
        (record(validity=Validity.BACKEND_ERROR), None),
        (record(Score("f1", math.nan, validity=Validity.UNJUDGED), validity=Validity.UNJUDGED), None),
        (record(Score("f1", 0.0, validity=Validity.SANDBOX_ERROR), validity=Validity.SANDBOX_ERROR), None),
        (record(Score("f1", math.nan)), None),
        # The metric does not apply.
        (record(Score("exact", 1.0)), None),
    ],
)
def test_which_records_count(seen: Record, row: tuple[float] | None) -> None:
    assert metrics.mean("f1").observe(seen) == row


def test_missing_replies_count_as_wrong_where_that_is_asked() -> None:
    """The oracle is SQuAD's script: of two questions, one answered rightly and one without a prediction, 50 %."""
    metric = metrics.mean("exact", missing="wrong")
    seen = [record(Score("exact", 1.0)), record(validity=Validity.BACKEND_ERROR)]
    assert [metric.observe(one) for one in seen] == [(1.0,), (0.0,)]
    assert metric.name == "exact_missing_wrong"
    # What could not be judged or scored is not a missing reply.
    for validity in (Validity.SCORER_ERROR, Validity.UNJUDGED, Validity.SANDBOX_ERROR, Validity.DATA_ERROR):
        assert metric.observe(record(validity=validity)) is None
    collected = Collector([metric, metrics.mean("exact")])
    for one in seen:
        collected.add(one)
    wrong, left_out = collected.result(0.0).metrics
    assert (wrong.estimate.value, wrong.estimate.n) == (0.5, 2)
    assert (left_out.estimate.value, left_out.estimate.n) == (1.0, 1)
    assert collected.failed == 1


def test_another_failure_value() -> None:
    assert metrics.mean("f1", failure=-1.0).observe(record(validity=Validity.MEMORY)) == (-1.0,)


def test_names() -> None:
    assert (metrics.mean("f1").name, metrics.mean("f1", name="F1").name) == ("f1", "F1")


def estimate(metric: Metric, values: list[float]):
    rows = np.array(values, dtype=np.float64).reshape(-1, metric.width)
    return metric.estimate(rows, np.arange(len(rows)))


def test_a_share_stays_within_0_and_1_and_a_number_need_not() -> None:
    values = [1.0] * 9 + [0.2]
    assert estimate(metrics.mean("f1"), values).high <= 1.0
    assert estimate(metrics.mean("f1", scale="number"), values).high > 1.0
    assert estimate(metrics.mean("f1", scale="number", ends=(0.0, 1.0)), values).high <= 1.0


def test_grades_have_their_own_ends() -> None:
    metric = named.metrics.by_name("mean", score="rating", scale="number", ends=[1, 10])
    found = estimate(metric, [10.0] * 20)
    assert metric.ends == (1, 10)
    assert 8.0 < found.low < 9.0
    assert found.high == 10.0
    with pytest.raises(UsageError, match="least and its largest"):
        metrics.mean("rating", ends=(10.0, 1.0))


def test_no_rows_and_one_row_have_no_bounds() -> None:
    none, one = estimate(metrics.mean("f1"), []), estimate(metrics.mean("f1"), [0.5])
    assert (none.n, none.how) == (0, "n=0")
    assert math.isnan(none.value)
    assert (one.value, one.n) == (0.5, 1)
    assert all(math.isnan(bound) for found in (none, one) for bound in (found.low, found.high))


def test_by_name() -> None:
    found = named.metrics.by_name("mean", score="f1", scale="number", failure=1)
    assert (found.name, found.scale, found.observe(record(validity=Validity.REFUSED))) == ("f1", "number", (1,))
    assert named.metrics.by_name("bits_per_byte").name == "bits_per_byte"
    assert {"mean", "word_perplexity", "bleu", "chrf", "ter", "mcc", "macro_f1", "ece"} <= set(named.metrics.names())


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("word_perplexty", {}, "did you mean 'word_perplexity'"),
        ("mean", {}, "needs a setting 'score'"),
        ("mean", {"score": 3}, "wrong type"),
        ("mean", {"score": "f1", "scale": "percent"}, "one of proportion, number"),
        ("mean", {"score": "f1", "scal": "proportion"}, "did you mean 'scale'"),
    ],
)
def test_mistakes_are_usage_errors(name: str, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        named.metrics.by_name(name, **settings)
