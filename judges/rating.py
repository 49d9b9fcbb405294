"""How good one answer is, as a whole number from 1 to k."""

from __future__ import annotations

from evalkit.core import Judge
from evalkit.judging import Grading, PromptText, rating

META = {
    "name": "rating",
    "summary": "how good one answer is, from 1 to 10",
    "tags": ["answer"],
}


def judge(*, low: int = 1, high: int = 10, max_tokens: int = 1024) -> Judge:
    """`low` and `high` are the ends of the scale."""
    return rating("rating", PromptText.beside(__file__), Grading(low, high, max_tokens=max_tokens))
