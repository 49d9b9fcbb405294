"""Answer correctness: claims against those of a reference answer, and how near the two texts are."""

from __future__ import annotations

from functools import partial

from evalkit.core import Judge
from evalkit.judging.rag.judged import answer_correctness, near, prompts_beside, vectors_by

META = {
    "name": "answer_correctness",
    "summary": "three parts F1 of an answer's claims, one part nearness to the reference answer",
    "tags": ["rag"],
}


def judge(*, factual: float = 0.75, embedder: str = "") -> Judge:
    """`factual` is the weight of the claims. `embedder` is a model that embeds; without one, words are compared."""
    similar = partial(near, vectors_by(embedder))
    told = {"embedder": embedder or "words"}
    return answer_correctness("answer_correctness", prompts_beside(__file__), similar, factual=factual, settings=told)
