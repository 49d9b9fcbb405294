"""BBEH's reading and its harmonic mean."""

import asyncio
import statistics

import numpy as np
import pytest

from evalkit.core import Record, Reply, Sample, Score
from evalkit.scoring.metrics.strata import harmonic_mean
from tests.tasks.pack_rows import PACK


# The first eight are the examples that the authors' evaluate.py ends with; the others were read by it.
@pytest.mark.parametrize(
    ("said", "target", "value"),
    [
        ("Ok The final answer is: \\boxed{4}.", "4", 1.0),
        ("[Reasoning] The final answer is: \\boxed{4}.", "3", 0.0),
        ("Alright! The final answer is: 2, 3, 4", "2,3,4", 1.0),
        ("blah blah The final answer is: 2, 3, 4", "2,3,5", 0.0),
        ("Ok The answer is: (A)", "a", 1.0),
        ("Ok The answer is: (A)", "b", 0.0),
        ("Ok The answer is: **25**\nHere's why.", "25.0", 1.0),
        ("Ok The answer is: **25**\nHere's why.", "26.0", 0.0),
        ("The answer is: [yes]", "yes", 1.0),
        ("The answer is: a", "(A)", 1.0),
        ("The answer is: two?", "two", 1.0),
        ("4", "4", 1.0),
        ("The answer is 3. The answer is: 4", "4", 1.0),
        ("The answer is: $\\text{No}$", "no", 1.0),
    ],
)
def test_a_reply_is_read_and_compared_as_by_the_authors_script(over, said, target, value):
    loaded = over("bbeh", PACK["bbeh"])
    sample = Sample("1", "?", targets=(target,))
    [score] = asyncio.run(loaded.task.scorers[0].score(sample, (Reply((said,), ("stop",)),)))
    assert score.value == value


def records(values):
    return [
        Record("t", n, Sample(str(n), "?", groups=(group,)), scores=(Score("correct", float(value)),))
        for n, (group, value) in enumerate(values)
    ]


def test_the_harmonic_mean_is_that_of_the_standard_library():
    metric = harmonic_mean("correct", ("a", "b", "c"), name="h", added=0.01)
    found = records([("a", 1), ("a", 0), ("b", 0), ("b", 0), ("b", 0), ("c", 1), ("c", 1), ("elsewhere", 1)] * 5)
    rows = [metric.observe(record) for record in found]
    kept = np.array([row for row in rows if row is not None])
    estimate = metric.estimate(kept, np.arange(len(kept)))
    assert estimate.value == pytest.approx(statistics.harmonic_mean([0.51, 0.01, 1.01]))
    assert (estimate.n, estimate.low <= estimate.value <= estimate.high) == (35, True)


def test_without_something_added_a_task_at_zero_makes_it_zero():
    metric = harmonic_mean("correct", ("a", "b"), name="h")
    kept = np.array([metric.observe(record) for record in records([("a", 1), ("b", 0)] * 5)])
    assert metric.estimate(kept, np.arange(10)).value == 0.0
