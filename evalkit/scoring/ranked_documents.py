"""How good one ranking of documents is, by relevance judgements: nDCG, recall and reciprocal rank at a depth.

Source: the definitions of trec_eval (gain is the relevance itself, a document is relevant from 1 on), which BEIR
(https://arxiv.org/abs/2104.08663) reports.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

__all__ = ["ndcg", "recall", "reciprocal_rank"]


def ndcg(ranked: Sequence[str], relevance: Mapping[str, float], depth: int) -> float:
    """Normalised discounted cumulative gain: Σ relevance / log₂(rank + 1) over that of the best ranking there is.

    0 where nothing is relevant. Documents without a judgement, and those below 1, gain nothing.
    """
    gained = _discounted([max(0.0, relevance.get(document, 0.0)) for document in ranked[:depth]])
    best = _discounted(sorted((value for value in relevance.values() if value > 0), reverse=True)[:depth])
    return gained / best if best else 0.0


def recall(ranked: Sequence[str], relevance: Mapping[str, float], depth: int) -> float:
    """The proportion of the relevant documents that are among the first `depth`; 0 where nothing is relevant."""
    relevant = {document for document, value in relevance.items() if value >= 1}
    return len(relevant.intersection(ranked[:depth])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranked: Sequence[str], relevance: Mapping[str, float], depth: int) -> float:
    """1 / rank of the first relevant document among the first `depth`, else 0."""
    for rank, document in enumerate(ranked[:depth], 1):
        if relevance.get(document, 0.0) >= 1:
            return 1.0 / rank
    return 0.0


def _discounted(gains: Sequence[float]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))
