"""What a model's vectors are worth: similarity of two texts, clusters of many texts."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import Any

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, UsageError
from evalkit.core.distribution import pip_install
from evalkit.scoring.metrics import mean
from evalkit.scoring.metrics.clustering import silhouette, v_measure
from evalkit.scoring.metrics.correlation import pearson, spearman

_CLUSTERING = ("v_measure", "silhouette", "silhouette_classes")


@dataclass(frozen=True, slots=True)
class _CosineSimilarity(ScoreSample):
    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        vectors = vectors_of(replies)
        if len(vectors) != 2:
            raise ValueError(f"two vectors are needed, found {len(vectors)}")
        one, two = vectors.astype("f8")
        lengths = math.sqrt(float(one @ one)) * math.sqrt(float(two @ two))
        value = float(one @ two) / lengths if lengths else 0.0
        reason = "" if lengths else "a vector of zeros"
        return (
            Score("cosine", max(-1.0, min(1.0, value)), reason=reason),
            Score("reference", float(sample.targets[0])),
        )


def cosine_similarity() -> Scorer:
    """The cosine of the vectors of a sample's two texts, `cosine`, and its first target as a number, `reference`.

    Its metrics are the Spearman and Pearson correlations of the two over samples. A vector of zeros has no direction:
    its cosine is 0. Scoring raises ValueError where there are not two vectors or the target is not a number, and
    UsageError where a stored run is scored again, which keeps no vectors.
    """
    return Scorer("cosine_similarity", _CosineSimilarity(), ("cosine", "reference"), (spearman(), pearson()))


@dataclass(frozen=True, slots=True)
class _Clustering(ScoreSample):
    seed: int
    starts: int

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        vectors, classes = vectors_of(replies), [str(label) for label in sample.data["labels"]]
        if len(vectors) != len(classes):
            raise ValueError(f"{len(vectors)} vectors for {len(classes)} labels")
        found = await asyncio.to_thread(_k_means, vectors, len(set(classes)), self.seed, self.starts)
        return (
            Score(_CLUSTERING[0], v_measure(classes, found)),
            _silhouette(_CLUSTERING[1], vectors, found),
            _silhouette(_CLUSTERING[2], vectors, classes),
        )


def clustering(*, seed: int = 0, starts: int = 10) -> Scorer:
    """K-means over a sample's vectors held against its classes: `v_measure`, `silhouette`, `silhouette_classes`.

    `sample.data["labels"]` holds the class of each text; k is the number of classes. k-means is scikit-learn's, with
    `starts` seeded beginnings. A sample where a silhouette does not exist (one class, or a class for each text) gives
    0 with a reason. Scoring raises UsageError without scikit-learn, and as `cosine_similarity` does.
    """

    metrics = (mean(_CLUSTERING[0]), mean(_CLUSTERING[1], scale="number"), mean(_CLUSTERING[2], scale="number"))
    return Scorer(
        "clustering", _Clustering(seed, starts), _CLUSTERING, metrics, {"seed": str(seed), "starts": str(starts)}
    )


def vectors_of(replies: tuple[Reply, ...]) -> Any:
    """The vectors of the last reply, of shape (n, dimension)."""
    if not replies or replies[-1].vectors is None:
        raise ValueError("the reply holds no vectors; use embed() as the method")
    vectors = replies[-1].vectors
    if not vectors.data:
        raise UsageError(
            "vectors cannot be scored again from a run folder",
            found="records keep only their digest",
            fix="run the task again: the response cache has the vectors",
        )
    return vectors.array()


def _k_means(vectors: Any, clusters: int, seed: int, starts: int) -> list[int]:
    try:
        from sklearn.cluster import KMeans
    except ImportError as error:
        raise UsageError("clustering needs scikit-learn", found=str(error), fix=pip_install("embeddings")) from None
    import warnings

    with warnings.catch_warnings():
        # Fewer distinct vectors than clusters: the clusters that are found say it.
        warnings.simplefilter("ignore")
        found = KMeans(n_clusters=min(clusters, len(vectors)), n_init=starts, random_state=seed).fit_predict(vectors)
    return [int(number) for number in found]


def _silhouette(name: str, vectors: Any, groups: list[Any]) -> Score:
    try:
        return Score(name, silhouette(vectors, groups))
    except ValueError as error:
        return Score(name, 0.0, reason=str(error))
