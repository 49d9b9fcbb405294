"""Clustering: whether k-means over a model's vectors finds the classes of sentences.

Paper: https://arxiv.org/abs/2210.07316 (MTEB). Data: files of your own in MTEB's shape; the toy rows are ours,
under the Apache licence 2.0. One row is a set of sentences, clustered by itself, and the result the mean over sets:

    {"sentences": ["A young cow is called a calf.", "The capital of Peru is Lima.", …], "labels": ["zoology", …]}
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import PromptFormat, Row, Sample, Source, Subset, Task, UsageError
from evalkit.data import bundled
from evalkit.data import files as read_files
from evalkit.prompting.methods import embed
from evalkit.scoring.scorers import clustering

META = {
    "name": "clustering",
    "summary": "classes of sentences found by k-means over an embedding model's vectors, by V-measure and silhouette",
    "tags": ["embeddings", "clustering"],
    "toys": {"toy_clustering": {"data": "toy", "files": ""}},
}


def task(*, files: str = "", seed: int = 0, data: Literal["files", "toy"] = "files") -> Task:
    """Clustering of `files`, each row of which has `sentences` and as many `labels`."""
    return Task(
        name="clustering",
        data=(Subset(_source(files, data)),),
        sample=_sample,
        prompt=PromptFormat(),
        method=embed(gold=_gold),
        scorers=(clustering(seed=seed),),
        primary_metric="v_measure",
    )


def _source(files: str, data: str) -> Source:
    if data == "toy":
        return bundled("clustering")
    if not files:
        raise UsageError("clustering needs sentences with labels", fix="clustering,files=rows.jsonl, or toy_clustering")
    return read_files(files)


def _sample(row: Row) -> Sample:
    texts, labels = [str(text) for text in row.values["sentences"]], [str(label) for label in row.values["labels"]]
    if len(texts) != len(labels) or not texts:
        raise UsageError(
            "a row needs a label for each sentence",
            found=f"{len(texts)} sentences and {len(labels)} labels",
            at=row.origin,
        )
    return Sample(
        row.id, f"{len(texts)} sentences of {len(set(labels))} classes", data={"texts": texts, "labels": labels}
    )


def _gold(sample: Sample) -> list[list[float]]:
    """A direction for each class."""
    names = list(dict.fromkeys(sample.data["labels"]))
    return [[float(label == name) for name in names] for label in sample.data["labels"]]
