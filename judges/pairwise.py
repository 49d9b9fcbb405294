"""Which of two answers is better, asked in both orders: verdicts that disagree are a tie (arXiv 2306.05685)."""

from __future__ import annotations

from typing import Literal

from evalkit.core import Judge
from evalkit.judging import SCALES, PromptText, pairwise

META = {
    "name": "pairwise",
    "summary": "which of two answers is better, asked in both orders",
    "tags": ["pair"],
}


def judge(
    *,
    scale: Literal["three", "two", "five"] = "three",
    soft: bool = False,
    orders: Literal["both", "first"] = "both",
    max_tokens: int = 1024,
) -> Judge:
    """`scale`: three (A, B or tie), two (A or B alone), five (steps from A>>B to B>>A). `soft` reads the verdict's
    probability."""
    return pairwise(
        "pairwise", PromptText.beside(__file__), scale=SCALES["two" if soft else scale], soft=soft, orders=orders,
        max_tokens=max_tokens,
    )  # fmt: skip
