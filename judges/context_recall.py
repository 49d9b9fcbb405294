"""Context recall: which sentences of the reference answer the contexts hold."""

from __future__ import annotations

from evalkit.core import Judge
from evalkit.judging import PromptText
from evalkit.judging.rag.judged import context_recall

META = {
    "name": "context_recall",
    "summary": "sentences of the reference answer that the contexts support",
    "tags": ["rag"],
}


def judge() -> Judge:
    return context_recall("context_recall", PromptText.beside(__file__, "rag_verdicts"))
