"""The bootstrap against scipy's and against closed forms; seeds, clusters and its ends."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.stats

from evalkit.stats import bootstrap_interval, mean_interval

if TYPE_CHECKING:
    from evalkit.core import Estimate, FloatRows

RNG = np.random.default_rng(23)


def mean(sums: FloatRows, counts: FloatRows) -> FloatRows:
    return sums[:, 0] / counts


def of(values: FloatRows, clusters: np.ndarray | None = None, seed: int = 1, resamples: int = 2000) -> Estimate:
    return bootstrap_interval(values[:, None], mean, clusters, seed=seed, resamples=resamples)


@pytest.mark.parametrize(("n", "method", "how"), [(200, "percentile", "bootstrap"), (30, "BCa", "bootstrap, BCa")])
def test_a_mean_has_scipys_interval(n: int, method: str, how: str) -> None:
    values = RNG.exponential(size=n)
    found = of(values, resamples=20_000)
    expected = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method=method, rng=np.random.default_rng(5)
    ).confidence_interval
    # Two streams of 20,000 resamples place an end to within about 2 % of the width.
    width = expected.high - expected.low
    assert found.low == pytest.approx(expected.low, abs=0.03 * width)
    assert found.high == pytest.approx(expected.high, abs=0.03 * width)
    assert (found.value, found.n, found.how) == (pytest.approx(values.mean()), n, how)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    values = RNG.random(300)
    assert of(values) == of(values)
    assert of(values).low != of(values, seed=2).low


def test_clusters_are_drawn_whole() -> None:
    clusters = np.repeat(np.arange(80), 10)
    values = RNG.normal(size=80)[clusters] + RNG.normal(size=800) / 5
    found, closed = of(values, clusters, resamples=8000), mean_interval(values, clusters)
    assert found.how == "bootstrap, 80 clusters"
    assert found.high - found.low == pytest.approx(closed.high - closed.low, rel=0.06)
    assert of(values).high - of(values).low < 0.5 * (found.high - found.low)


def test_gaps_between_cluster_numbers_are_no_clusters() -> None:
    values, clusters = RNG.random(90), np.repeat(np.arange(30), 3)
    assert of(values, clusters * 4 + 1) == of(values, clusters)


def test_a_statistic_of_several_sums() -> None:
    rows = np.column_stack([RNG.random(400) * 3, RNG.random(400) + 1])
    found = bootstrap_interval(rows, lambda sums, counts: np.exp(sums[:, 0] / sums[:, 1]), seed=1)
    assert found.value == pytest.approx(math.exp(rows[:, 0].sum() / rows[:, 1].sum()))
    assert found.low < found.value < found.high


def test_paired_rows_share_their_resamples() -> None:
    base = RNG.random(400)
    rows = np.column_stack([base, base + 0.01])
    found = bootstrap_interval(rows, lambda sums, counts: (sums[:, 1] - sums[:, 0]) / counts, seed=1)
    assert (found.low, found.high) == (pytest.approx(0.01), pytest.approx(0.01))


def test_a_million_samples_are_drawn_in_random_groups() -> None:
    values = RNG.random(1_000_000)
    started = time.process_time()
    found = of(values)
    assert time.process_time() - started < 20
    closed = mean_interval(values)
    assert found.how == "bootstrap in 10000 random groups"
    assert found.high - found.low == pytest.approx(closed.high - closed.low, rel=0.08)


def test_chunks_do_not_change_the_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    import evalkit.stats.bootstrap as module

    values = RNG.random(100)
    whole = of(values)
    monkeypatch.setattr(module, "_CHUNK_CELLS", 700)
    assert of(values) == whole


def test_ends() -> None:
    none, one = of(np.zeros(0)), of(np.ones(1))
    assert (none.how, one.how) == ("n=0", "n=1")
    assert math.isnan(one.low)
    alike, few = of(np.full(20, 0.5)), of(np.array([0.1, 0.2, 0.3, 0.4]))
    assert (alike.how, few.how) == ("bootstrap, nothing varies", "too few to resample: 4 samples")
    assert math.isnan(alike.low)
    assert math.isnan(few.high)
    whole = of(np.array([0.1, 0.4]), np.array([7, 7]))
    assert whole.how == "one cluster"
    assert math.isnan(whole.high)


def test_a_statistic_that_is_undefined_in_a_resample_has_no_bounds() -> None:
    rows = np.array([[1.0, 0.0]] * 5 + [[1.0, 1.0]])
    found = bootstrap_interval(rows, lambda sums, counts: sums[:, 0] / sums[:, 1], seed=1)
    assert found.value == 6.0
    assert "undefined in" in found.how
    assert math.isnan(found.low)
