"""MT-Bench's single-answer grading: every turn from 1 to 10, with a reference where there is one.

Protocol: Zheng et al. 2023, https://arxiv.org/abs/2306.05685; the words of the prompt are evalkit's own, so grades are
comparable among runs of this judge and not with published ones.
"""

from __future__ import annotations

from evalkit.core import Judge
from evalkit.judging import Grading, PromptText, rating

META = {
    "name": "mt_bench",
    "summary": "grades every turn of a conversation from 1 to 10, with a reference where there is one",
    "tags": ["answer", "multi-turn"],
}


def judge(*, turns: int = 2, max_tokens: int = 1024) -> Judge:
    """`turns` is how many turns a conversation has; each has a grade, and `rating` is their mean."""
    grading = Grading(1, 10, max_tokens=max_tokens)
    return rating("mt_bench", PromptText.beside(__file__), grading, turn="each", turns=turns)
