"""SimpleQA's grader: an answer is correct, incorrect or not attempted against a gold target.

Protocol: Wei et al. 2024, https://arxiv.org/abs/2411.04368. The prompt is, byte for byte, that of OpenAI's simple-evals
(https://github.com/openai/simple-evals, commit ee3b0318d8d1d9d72755a4120879be65f7c07e9e, MIT licence); a judge that
takes a schema is asked for its last line in other words. Published figures have GPT-4o or GPT-4.1 as the judge.
"""

from __future__ import annotations

from evalkit.core import Judge
from evalkit.judging import PromptText
from evalkit.judging.three_grades import three_grades

META = {
    "name": "simpleqa",
    "summary": "whether an answer is correct, incorrect or not attempted, against a gold target",
    "tags": ["answer", "reference", "factuality"],
}

FORM = 'Just return the letters "A", "B", or "C", with no text around it.'


def judge(*, max_tokens: int = 1024) -> Judge:
    """`max_tokens` bounds the judge's reply, with its thought."""
    return three_grades("simpleqa", PromptText.beside(__file__), FORM, max_tokens=max_tokens)
