"""Cosines against scipy, k-means scores against scikit-learn on the same seed, and what a stored run can't give."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evalkit.core import Reply, Sample, Score, Scorer, UsageError, Validity, Vectors
from evalkit.scoring.scorers import clustering, cosine_similarity, ranking


def scores(scorer: Scorer, sample: Sample, reply: Reply) -> dict[str, Score]:
    return {score.name: score for score in asyncio.run(scorer.score(sample, (reply,)))}


def listed(*documents: str) -> Reply:
    return Reply(texts=(json.dumps(documents),), finish=("stop",))


def vectors(rows: Any) -> Reply:
    return Reply(vectors=Vectors.of(np.asarray(rows, np.float32)))


def test_the_cosine_equals_scipy() -> None:
    distance = pytest.importorskip("scipy.spatial.distance", reason="scipy is the oracle")
    rng = np.random.default_rng(2)
    for number in range(300):
        rows = rng.normal(size=(2, int(rng.integers(1, 400)))) * 10.0 ** rng.integers(-18, 18)
        if number % 5 == 0:
            rows[1] = rows[0] * (-1) ** number
        reply = vectors(rows)
        assert reply.vectors is not None
        one, two = reply.vectors.array().astype("f8")
        found = scores(cosine_similarity(), Sample("1", "x", targets=("2.5",)), reply)
        assert found["cosine"].value == pytest.approx(1 - distance.cosine(one, two), abs=1e-12)
        assert -1.0 <= found["cosine"].value <= 1.0
        assert found["reference"].value == 2.5


def test_zeros_have_no_direction_and_two_vectors_are_needed() -> None:
    sample = Sample("1", "x", targets=("1",))
    found = scores(cosine_similarity(), sample, vectors([[0.0, 0.0], [1.0, 2.0]]))["cosine"]
    assert (found.value, found.reason) == (0.0, "a vector of zeros")
    with pytest.raises(ValueError, match="two vectors"):
        scores(cosine_similarity(), sample, vectors([[1.0]]))
    with pytest.raises(ValueError, match="use embed"):
        scores(cosine_similarity(), sample, Reply(texts=("a",)))


@pytest.mark.parametrize("scorer", [cosine_similarity(), clustering()])
def test_a_stored_run_says_why_its_vectors_cannot_be_scored_again(scorer: Scorer) -> None:
    reply = vectors([[1.0, 0.0], [0.0, 1.0]])
    assert reply.vectors is not None
    stored = replace(reply, vectors=replace(reply.vectors, data=b""))
    with pytest.raises(UsageError, match="cannot be scored again"):
        scores(scorer, Sample("1", "x", targets=("1",), data={"labels": ["a", "b"]}), stored)


def test_clusters_equal_scikit_learns_on_the_same_seed() -> None:
    cluster = pytest.importorskip("sklearn.cluster", reason="scikit-learn is the oracle")
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    rng = np.random.default_rng(3)
    for number in range(12):
        labels = rng.integers(0, 3, 40)
        labels[:3] = 0, 1, 2
        rows = (rng.normal(size=(40, 8)) + 1.5 * np.eye(8)[labels]).astype(np.float32)
        found = scores(clustering(seed=number), Sample("1", "x", data={"labels": labels.tolist()}), vectors(rows))
        guessed = cluster.KMeans(3, n_init=10, random_state=number).fit_predict(rows)
        assert found["v_measure"].value == pytest.approx(metrics.v_measure_score(labels, guessed), abs=1e-12)
        assert found["silhouette"].value == pytest.approx(metrics.silhouette_score(rows, guessed), abs=1e-6)
        assert found["silhouette_classes"].value == pytest.approx(metrics.silhouette_score(rows, labels), abs=1e-6)


def test_perfect_directions_are_found_and_a_single_class_has_no_silhouette() -> None:
    labels = ["a", "b", "a", "b", "c"]
    rows = [[float(label == name) for name in "abc"] for label in labels]
    assert scores(clustering(), Sample("1", "x", data={"labels": labels}), vectors(rows))["v_measure"].value == 1.0
    alone = scores(clustering(), Sample("1", "x", data={"labels": ["a"] * 5}), vectors(rows))
    assert (alone["v_measure"].value, alone["silhouette"].value) == (1.0, 0.0)
    assert "needs 2 clusters" in alone["silhouette"].reason
    with pytest.raises(ValueError, match="5 vectors for 4 labels"):
        scores(clustering(), Sample("1", "x", data={"labels": ["a"] * 4}), vectors(rows))


def test_a_ranking_has_its_figures_at_the_depths_that_are_asked() -> None:
    sample = Sample("1", "x", data={"relevance": {"a": 2, "b": 1, "c": 0}})
    found = scores(ranking(depths=(1, 3), cut=3), sample, listed("c", "b", "x", "a"))
    assert list(found) == ["ndcg@3", "mrr@3", "recall@1", "recall@3"]
    assert found["mrr@3"].value == 0.5
    assert (found["recall@1"].value, found["recall@3"].value) == (0.0, 0.5)
    with pytest.raises(ValueError, match="no document is relevant"):
        scores(ranking(), Sample("1", "x", data={"relevance": {"a": 0}}), listed("a"))
    # A list that a model wrote may repeat itself, or be none.
    again = scores(ranking(depths=(2,), cut=3), sample, listed("c", "c", "b"))
    assert (again["mrr@3"].value, again["recall@2"].value) == (0.5, 0.5)
    none = scores(ranking(), sample, Reply(texts=("Document a is best.",), finish=("stop",)))
    assert {(score.value, score.validity) for score in none.values()} == {(0.0, Validity.NO_ANSWER)}
