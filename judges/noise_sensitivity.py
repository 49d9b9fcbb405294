"""Noise sensitivity: wrong claims that an answer took from its contexts."""

from __future__ import annotations

from evalkit.core import Judge
from evalkit.judging.rag.judged import noise_sensitivity, prompts_beside

META = {
    "name": "noise_sensitivity",
    "summary": "wrong claims that an answer took from relevant, and from irrelevant contexts",
    "tags": ["rag"],
}


def judge() -> Judge:
    return noise_sensitivity("noise_sensitivity", prompts_beside(__file__))
