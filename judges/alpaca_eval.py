"""AlpacaEval's comparison with a baseline's outputs: A or B, no tie, a soft preference where the judge gives one.

Protocol: Dubois et al. 2024, https://arxiv.org/abs/2404.04475; the words of the prompt are evalkit's own. Unlike there,
both orders are asked. `evalkit judge pairwise MODEL BASELINE --using alpaca_eval --length-control` gives both rates.
"""

from __future__ import annotations

from evalkit.core import Judge
from evalkit.judging import SCALES, PromptText, pairwise

META = {
    "name": "alpaca_eval",
    "summary": "whether people would rather have a model's output or the baseline's",
    "tags": ["pair"],
}


def judge(*, soft: bool = False, max_tokens: int = 1024) -> Judge:
    """`soft` takes the probability of the verdict's token, for models that give log-likelihoods."""
    return pairwise("alpaca_eval", PromptText.beside(__file__), scale=SCALES["two"], soft=soft, max_tokens=max_tokens)
