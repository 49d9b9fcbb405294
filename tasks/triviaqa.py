"""TriviaQA: questions of trivia enthusiasts, answered from memory, with every alias of the answer accepted.

Paper: https://arxiv.org/abs/1705.03551 (Joshi et al., 2017). Data: mandarjoshi/trivia_qa, config rc.nocontext; the
code is under the Apache-2.0 licence, the questions' is not stated. One row:

    {"question": "Who was the man behind The Chipmunks?", "question_id": "tc_2",
     "answer": {"value": "David Seville", "aliases": ["David Seville"], "normalized_aliases": ["david seville"]}}

Prompt, stops and `exact_match` are lm-evaluation-harness's: it puts a question mark after every question, also where
there is one; case and punctuation are ignored, articles are not. `exact` and `f1` are the official script's.
"""

from __future__ import annotations

from evalkit.core import Fewshot, PromptFormat, Row, Sample, Subset, Task
from evalkit.data import hub
from evalkit.prompting.methods import generate
from evalkit.scoring.scorers import triviaqa as official
from evalkit.scoring.scorers.extracted import extracted

META = {
    "name": "triviaqa",
    "summary": "trivia questions without a context, by exact match with any alias, and the official EM and F1",
    "tags": ["question-answering", "knowledge", "english"],
}


def task(*, max_tokens: int = 256) -> Task:
    """TriviaQA's validation questions; few-shot examples come from its training set (0 unless asked for)."""
    return Task(
        name="triviaqa",
        data=(
            Subset(
                rows=hub("mandarjoshi/trivia_qa", config="rc.nocontext", split="validation"),
                examples=hub("mandarjoshi/trivia_qa", config="rc.nocontext", split="train"),
            ),
        ),
        sample=_sample,
        prompt=PromptFormat(question=_question),
        method=generate(max_tokens=max_tokens, stop=("\n", ".", ",")),
        scorers=(
            extracted("exact_match", _stripped, ignore_case=True, ignore_punctuation=True),
            official(),
        ),
        fewshot=Fewshot(spare=True),
        primary_metric="exact_match",
    )


def _sample(row: Row) -> Sample:
    answer = row.values["answer"]
    return Sample(
        id=row.id,
        input=row.values["question"],
        targets=tuple(answer["aliases"]),
        data={"normalized_aliases": tuple(answer.get("normalized_aliases") or ())},
    )


def _stripped(sample: Sample, text: str) -> str | None:
    return text.strip() or None


def _question(sample: Sample) -> str:
    return f"Question: {sample.input}?\nAnswer:"
