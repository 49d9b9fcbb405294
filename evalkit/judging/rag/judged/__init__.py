"""RAG metrics that a judge's model decides, from claims and what supports them; each claim is taken out once."""

from pathlib import Path

from evalkit.judging import PromptText
from evalkit.judging.rag.judged.by_facts import Prompts
from evalkit.judging.rag.judged.checks import answer_relevance, claim_check, context_refusal, noise_sensitivity
from evalkit.judging.rag.judged.metrics import (
    answer_correctness,
    context_precision,
    context_recall,
    factual_correctness,
    faithfulness,
    groundedness,
)
from evalkit.judging.rag.judged.nearness import near, vectors_by

__all__ = [
    "Prompts",
    "answer_correctness",
    "answer_relevance",
    "claim_check",
    "context_precision",
    "context_recall",
    "context_refusal",
    "factual_correctness",
    "faithfulness",
    "groundedness",
    "near",
    "noise_sensitivity",
    "prompts_beside",
    "vectors_by",
]


def prompts_beside(file: str | Path) -> Prompts:
    """The prompts rag_claims.txt and rag_verdicts.txt next to a judge's file. Raises UsageError if one is missing."""
    return Prompts(PromptText.beside(file, "rag_claims"), PromptText.beside(file, "rag_verdicts"))
