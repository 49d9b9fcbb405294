"""MT-Bench's pairwise comparison: two conversations, both orders, verdicts that disagree are a tie.

Protocol: Zheng et al. 2023, https://arxiv.org/abs/2306.05685; the words of the prompt are evalkit's own.
"""

from __future__ import annotations

from evalkit.core import Judge
from evalkit.judging import PromptText, pairwise

META = {
    "name": "mt_bench_pair",
    "summary": "which of two assistants served a conversation better, in both orders",
    "tags": ["pair", "multi-turn"],
}


def judge(*, last_turn: bool = True, max_tokens: int = 1024) -> Judge:
    """`last_turn` compares the answers of the last turn, with what led there shown."""
    return pairwise("mt_bench_pair", PromptText.beside(__file__), last_turn=last_turn, max_tokens=max_tokens)
