"""Context precision: whether useful contexts come before useless ones."""

from __future__ import annotations

from evalkit.core import Judge
from evalkit.judging import PromptText
from evalkit.judging.rag.judged import context_precision

META = {
    "name": "context_precision",
    "summary": "average precision of the contexts that help to the answer, in their order",
    "tags": ["rag"],
}


def judge() -> Judge:
    return context_precision("context_precision", PromptText.beside(__file__, "rag_useful"))
