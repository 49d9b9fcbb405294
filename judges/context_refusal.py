"""Refusal: whether an answer says so where the contexts lack it."""

from __future__ import annotations

from evalkit.core import Judge
from evalkit.judging import PromptText
from evalkit.judging.rag.judged import context_refusal

META = {
    "name": "context_refusal",
    "summary": "whether an answer refuses where its contexts lack it, and answers where they do not",
    "tags": ["rag"],
}


def judge() -> Judge:
    return context_refusal("context_refusal", PromptText.beside(__file__))
