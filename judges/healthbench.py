"""HealthBench's grader: whether the last reply of a conversation meets a rubric item.

Protocol: Arora et al. 2025, https://arxiv.org/abs/2505.08775. The prompt is, byte for byte, that of OpenAI's
simple-evals (https://github.com/openai/simple-evals, healthbench_eval.py, commit
ee3b0318d8d1d9d72755a4120879be65f7c07e9e, MIT licence); a judge that takes a schema is asked for its last line in other
words. Published figures have GPT-4.1 as the judge.
"""

from __future__ import annotations

from evalkit.core import Judge
from evalkit.judging import PromptText
from evalkit.judging.items import items_judge

META = {
    "name": "healthbench",
    "summary": "the points that an answer earns by rubric items of the sample's own",
    "tags": ["answer", "rubric"],
}

FORM = (
    "# Final instruction\nReturn just the json object in markdown format. "
    "Do not include any other text in the response."
)


def judge(*, max_tokens: int = 2048) -> Judge:
    """`max_tokens` bounds the judge's reply to one item, with its thought."""
    return items_judge("healthbench", PromptText.beside(__file__), FORM, max_tokens=max_tokens)
