"""Arena-Hard's comparison: the judge answers first, then says in five steps which answer is better, in both orders.

Protocol: Li et al. 2024, https://arxiv.org/abs/2406.11939; the words of the prompt are evalkit's own. In a tournament a
much better answer counts as three wins, as there.
"""

from __future__ import annotations

from evalkit.core import Judge
from evalkit.judging import SCALES, PromptText, pairwise

META = {
    "name": "arena_hard",
    "summary": "which of two answers is better, in five steps, after an answer of the judge's own",
    "tags": ["pair"],
}


def judge(*, max_tokens: int = 4096) -> Judge:
    """A reply has room for the judge's own answer."""
    return pairwise("arena_hard", PromptText.beside(__file__), scale=SCALES["five"], max_tokens=max_tokens)
