"""Several answers put in order, best first, from one shuffled list."""

from __future__ import annotations

from evalkit.core import Judge
from evalkit.judging import PromptText, ranking

META = {
    "name": "ranking",
    "summary": "several answers put in order, from one shuffled list",
    "tags": ["list"],
}


def judge(*, turns: int = 1, seed: int = 1, max_tokens: int = 2048) -> Judge:
    """`turns` is how many replies make one answer; `seed` shuffles the list of each question."""
    return ranking("ranking", PromptText.beside(__file__), turns=turns, seed=seed, max_tokens=max_tokens)
