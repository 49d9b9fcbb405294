"""How often 95 % intervals hold the truth, by seeded simulation."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.stats import mean_interval

DRAWS = 2_000


def coverage(truth: float, draws: list[tuple[np.ndarray, np.ndarray | None]]) -> float:
    found = [mean_interval(values, clusters) for values, clusters in draws]
    return sum(each.low <= truth <= each.high for each in found) / len(found)


def clustered(rng: np.random.Generator, proportion: float, count: int, size: int, icc: float) -> np.ndarray:
    """0/1 values of shape (DRAWS, count · size): a cluster's own share is beta, so that its samples correlate."""
    scale = (1 - icc) / icc
    proportions = rng.beta(proportion * scale, (1 - proportion) * scale, size=(DRAWS, count))
    return (rng.random((DRAWS, count, size)) < proportions[:, :, None]).reshape(DRAWS, -1).astype(float)


@pytest.mark.parametrize("n", [100, 300, 1000])
def test_shares_of_independent_samples(n: int) -> None:
    # One share alone covers unevenly, because counts are whole numbers; the claim is about shares all over.
    rng = np.random.default_rng(n)
    proportions = rng.uniform(0.1, 0.9, size=DRAWS)
    hits = 0
    for proportion, values in zip(
        proportions, (rng.random((DRAWS, n)) < proportions[:, None]).astype(float), strict=True
    ):
        found = mean_interval(values)
        hits += found.low <= proportion <= found.high
    assert hits / DRAWS == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(("n", "proportion"), [(100, 0.5), (400, 0.1), (1000, 0.3), (1000, 0.9)])
def test_a_given_share(n: int, proportion: float) -> None:
    values = (np.random.default_rng(1).random((DRAWS, n)) < proportion).astype(float)
    assert coverage(proportion, [(row, None) for row in values]) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(
    ("count", "size", "proportion", "icc"), [(50, 10, 0.5, 0.2), (100, 5, 0.3, 0.5), (200, 5, 0.9, 0.1)]
)
def test_shares_over_many_clusters(count: int, size: int, proportion: float, icc: float) -> None:
    values = clustered(np.random.default_rng(2), proportion, count, size, icc)
    clusters = np.repeat(np.arange(count), size)
    assert coverage(proportion, [(row, clusters) for row in values]) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(("count", "size", "proportion"), [(3, 20, 0.02), (10, 20, 0.02), (10, 20, 0.5), (20, 10, 0.1)])
def test_few_clusters_and_rare_events_are_covered_at_least(count: int, size: int, proportion: float) -> None:
    values = clustered(np.random.default_rng(3), proportion, count, size, 0.3)
    clusters = np.repeat(np.arange(count), size)
    assert coverage(proportion, [(row, clusters) for row in values]) > 0.94


def test_graded_values_over_clusters() -> None:
    rng = np.random.default_rng(4)
    for count in (12, 60):
        clusters = np.repeat(np.arange(count), 8)
        values = [rng.normal(size=count)[clusters] + rng.normal(size=8 * count) for _ in range(DRAWS)]
        assert coverage(0.0, [(row, clusters) for row in values]) == pytest.approx(0.95, abs=0.015)
