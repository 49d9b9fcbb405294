"""Retrieval: whether a model's vectors find the documents that answer a question, in a collection of your own.

Paper: https://arxiv.org/abs/2104.08663 (BEIR). Data: a folder in BEIR's shape; the toy collection is ours, under
the Apache licence 2.0. The folder holds corpus.jsonl, queries.jsonl and qrels.jsonl (or qrels/<split>.tsv):

    {"_id": "doc-001", "title": "The Rowan Library", "text": "The Rowan Library was built in 1873. …"}
    {"_id": "q-001", "text": "When was the Rowan Library built?"}
    {"query-id": "q-001", "corpus-id": "doc-001", "score": 2}

All documents are compared with every query (no index that approximates), as in BEIR by cosine, and a document is
embedded as its title, a blank and its text.
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import PromptFormat, Row, Sample, Subset, Task, UsageError
from evalkit.prompting.methods.embedding import retrieve
from evalkit.scoring.scorers import ranking

from .collection import Collection, bundled_collection, folder_collection

META = {
    "name": "retrieval",
    "summary": "documents found for questions by an embedding model: nDCG, MRR and recall; folder=PATH in BEIR's shape",
    "tags": ["embeddings", "retrieval"],
    "toys": {"toy_retrieval": {"data": "toy", "folder": ""}},
}


def task(
    *,
    folder: str = "",
    split: str = "test",
    similarity: Literal["cosine", "dot"] = "cosine",
    depth: int = 100,
    data: Literal["folder", "toy"] = "folder",
) -> Task:
    """Retrieval over the collection in `folder`; `depth` documents are ranked for each query."""
    found = _collection(folder, split, data)
    return Task(
        name="retrieval",
        data=(Subset(found),),
        sample=_sample,
        prompt=PromptFormat(),
        method=retrieve(found.documents, depth=depth, similarity=similarity),
        scorers=(ranking(depths=tuple(sorted({1, 10, depth}))),),
        primary_metric="ndcg@10",
    )


def _collection(folder: str, split: str, data: str) -> Collection:
    if data == "toy":
        return bundled_collection()
    if not folder:
        raise UsageError("retrieval needs a collection", fix="retrieval,folder=PATH (BEIR's shape), or toy_retrieval")
    return folder_collection(folder, split)


def _sample(row: Row) -> Sample:
    relevance = row.values["relevance"]
    best = sorted(relevance, key=lambda document: (-relevance[document], document))
    return Sample(row.id, str(row.values["text"]), targets=tuple(best[:10]), data={"relevance": relevance})
