"""G-Eval: a grade by one criterion as the mean over what the judge might say, weighted with its probability.

Method: Liu et al. 2023, https://arxiv.org/abs/2303.16634; the words of the prompt are evalkit's own.
"""

from __future__ import annotations

from typing import Literal

from evalkit.core import Judge
from evalkit.judging import Grading, PromptText, rating

META = {
    "name": "g_eval",
    "summary": "a grade by one criterion, weighted with the probability of each grade",
    "tags": ["answer"],
}


def judge(
    *,
    criterion: str = "coherence: the parts build on each other and make one whole",
    how: Literal["likelihoods", "samples"] = "likelihoods",
    samples: int = 20,
    low: int = 1,
    high: int = 5,
) -> Judge:
    """`how`: "likelihoods" weighs the grades by the next token's probability, for models that give log-likelihoods;
    "samples" takes the mean of `samples` replies at temperature 1."""
    grading = Grading(low, high, how, samples)
    return rating("g_eval", PromptText.beside(__file__), grading, values={"criterion": criterion})
