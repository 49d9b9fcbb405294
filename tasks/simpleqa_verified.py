"""SimpleQA Verified: 1,000 short questions of fact, each answer graded correct, incorrect or not attempted.

Paper: https://arxiv.org/abs/2509.07968 (Haas et al., 2025), a cleaned selection of SimpleQA
(https://arxiv.org/abs/2411.04368, Wei et al., 2024). Data: google/simpleqa-verified, MIT licence. Columns of a row:

    {"original_index": 5, "problem": "Who received the IEEE Frank Rosenblatt Award in 2010?", "answer": "Michio Sugeno",
     "topic": "Science and technology", "answer_type": "Person", "multi_step": false, "requires_reasoning": false,
     "urls": "…"}

The question alone is the prompt. The judge's words are those of the first SimpleQA; the authors of SimpleQA Verified
changed them for numbers, so that figures differ where the target is a number with a range.
"""

from __future__ import annotations

from evalkit.core import Judge, Row, Sample, Subset, Task, UsageError
from evalkit.data import hub
from evalkit.judging.three_grades import grade_metrics
from evalkit.plugins import load
from evalkit.prompting.chat import chat_task
from evalkit.scoring.scorers.judging import judged

META = {
    "name": "simpleqa_verified",
    "summary": "1,000 short questions of fact, graded by a judge: correct, incorrect or not attempted; F-score",
    "tags": ["factuality", "chat", "judge", "english", "unverified"],
}


def task(*, judge: str = "simpleqa", max_tokens: int = 4096) -> Task:
    """`judge` is the name or file of a judge that gives the three grades. `max_tokens` bounds thought and answer."""
    made = load("judge", judge)
    if not isinstance(made, Judge):
        raise UsageError(f"{judge!r} is not a judge", found=type(made).__name__)
    scorer = judged(made)
    return chat_task(
        "simpleqa_verified",
        (Subset(hub("google/simpleqa-verified", split="eval")),),
        _sample,
        (scorer,),
        max_tokens=max_tokens,
        metrics=(*grade_metrics(), *scorer.metrics),
        primary="f_score",
    )


def _sample(row: Row) -> Sample:
    values = row.values
    groups = tuple(str(values[column]) for column in ("topic", "answer_type") if values.get(column))
    return Sample(row.id, values["problem"], targets=(str(values["answer"]),), groups=groups)
