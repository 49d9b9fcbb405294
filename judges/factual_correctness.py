"""Factual correctness: claims of the answer and of the reference answer, each against the other."""

from __future__ import annotations

from evalkit.core import Judge
from evalkit.judging.rag.judged import factual_correctness, prompts_beside

META = {
    "name": "factual_correctness",
    "summary": "precision, recall and F of an answer's claims against a reference answer",
    "tags": ["rag"],
}


def judge(*, beta: float = 1.0) -> Judge:
    """`beta` above 1 weighs recall more, below 1 precision."""
    return factual_correctness("factual_correctness", prompts_beside(__file__), beta=beta)
