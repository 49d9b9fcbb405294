"""V-measure and silhouette against scikit-learn on random and adversarial clusterings."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from evalkit.scoring.metrics.clustering import silhouette, v_measure

metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")


def test_v_measure_equals_scikit_learn() -> None:
    for number in range(300):
        rng = np.random.default_rng(number)
        n = int(rng.integers(1, 60))
        classes = rng.integers(0, rng.integers(1, 9), n).tolist()
        clusters = [
            rng.integers(0, rng.integers(1, 9), n).tolist(),
            classes,
            list(range(n)),
            [0] * n,
            [{value: -value for value in classes}[value] for value in classes],
        ][number % 5]
        expected = metrics.v_measure_score(classes, clusters)
        assert v_measure(classes, clusters) == pytest.approx(expected, abs=1e-12)


def test_silhouette_equals_scikit_learn() -> None:
    for number in range(200):
        rng = np.random.default_rng(number)
        n, count = int(rng.integers(3, 80)), int(rng.integers(2, 6))
        clusters = rng.integers(0, count, n).tolist()
        clusters[:2] = 0, 1
        vectors = rng.normal(size=(n, int(rng.integers(1, 20)))).astype(np.float32)
        if number % 4 == 1:
            vectors += 3.0 * np.array(clusters)[:, None]
        elif number % 4 == 2:
            vectors = np.round(vectors)
        elif number % 4 == 3:
            vectors[n // 2 :] = vectors[0]
        if len(set(clusters)) == n:
            clusters[-1] = clusters[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = metrics.silhouette_score(vectors.astype(np.float64), clusters)
        assert silhouette(vectors, clusters) == pytest.approx(expected, abs=1e-6)


def test_many_items_are_computed_in_parts() -> None:
    rng = np.random.default_rng(1)
    clusters = rng.integers(0, 4, 2500).tolist()
    vectors = (rng.normal(size=(2500, 3)) + np.array(clusters)[:, None]).astype(np.float32)
    assert silhouette(vectors, clusters) == pytest.approx(metrics.silhouette_score(vectors, clusters), abs=1e-6)


@pytest.mark.parametrize("clusters", [["a", "a", "a"], ["a", "b", "c"], ["a", "b"]])
def test_a_silhouette_needs_two_clusters_and_fewer_than_items(clusters: list[str]) -> None:
    with pytest.raises(ValueError, match="a silhouette needs"):
        silhouette(np.eye(3, dtype=np.float32), clusters)


def test_no_items_and_uneven_lengths() -> None:
    assert v_measure([], []) == metrics.v_measure_score([], []) == 1.0
    with pytest.raises(ValueError, match="zip"):
        v_measure([1], [1, 2])
