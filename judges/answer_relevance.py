"""Answer relevance: whether an answer is one to its question."""

from __future__ import annotations

from evalkit.core import Judge
from evalkit.judging import PromptText
from evalkit.judging.rag.judged import answer_relevance, vectors_by

META = {
    "name": "answer_relevance",
    "summary": "whether an answer is one to its question, by questions made of the answer alone",
    "tags": ["rag"],
}


def judge(*, questions: int = 3, embedder: str = "") -> Judge:
    """`embedder` is a model that embeds, such as st/PATH; without one, texts are compared by their words."""
    return answer_relevance(
        "answer_relevance", PromptText.beside(__file__), vectors_by(embedder), questions=questions, embedder=embedder
    )
