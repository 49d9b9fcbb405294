"""RAGChecker's figures: claims of answer and reference against each other and every context."""

from __future__ import annotations

from evalkit.core import Judge
from evalkit.judging.rag.judged import claim_check, prompts_beside

META = {
    "name": "claim_check",
    "summary": "the eleven claim-level figures of RAGChecker, and what each failure is put down to",
    "tags": ["rag"],
}


def judge(*, failed_below: float = 0.5) -> Judge:
    """A sample fails where its F1 is below `failed_below`."""
    return claim_check("claim_check", prompts_beside(__file__), failed_below=failed_below)
