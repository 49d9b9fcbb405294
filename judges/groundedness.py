"""Groundedness: the context behind every claim, and whether the answer's citations name it."""

from __future__ import annotations

from evalkit.core import Judge
from evalkit.judging.rag.judged import groundedness, prompts_beside

META = {
    "name": "groundedness",
    "summary": "the context behind every claim of an answer, and whether its citations name it",
    "tags": ["rag"],
}


def judge() -> Judge:
    return groundedness("groundedness", prompts_beside(__file__))
