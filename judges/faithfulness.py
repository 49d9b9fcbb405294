"""Faithfulness: which claims of an answer its contexts support, contradict or do not mention."""

from __future__ import annotations

from evalkit.core import Judge
from evalkit.judging.rag.judged import faithfulness, prompts_beside

META = {
    "name": "faithfulness",
    "summary": "claims of an answer that its contexts support; what contradicts or adds to them, apart",
    "tags": ["rag"],
}


def judge() -> Judge:
    return faithfulness("faithfulness", prompts_beside(__file__))
