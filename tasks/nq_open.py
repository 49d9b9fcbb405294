"""Natural Questions, open: real search queries, answered from memory in a few words.

Papers: https://arxiv.org/abs/1906.00300 (Lee et al., 2019) over Natural Questions (Kwiatkowski et al., 2019). Data:
google-research-datasets/nq_open, CC-BY-SA-3.0 licence. One row:

    {"question": "when was the last time anyone was on the moon", "answer": ["14 December 1972 UTC", "December 1972"]}

Prompt, stops and `exact_match` are lm-evaluation-harness's: case, punctuation and articles before a word are ignored.
`exact` and `f1` are those of the open-domain literature, after SQuAD's normalisation.
"""

from __future__ import annotations

from evalkit.core import Fewshot, PromptFormat, Row, Sample, Subset, Task
from evalkit.data import hub
from evalkit.prompting.methods import generate
from evalkit.scoring.scorers import squad
from evalkit.scoring.scorers.extracted import extracted

META = {
    "name": "nq_open",
    "summary": "real search questions without a context, by exact match with any of the answers",
    "tags": ["question-answering", "knowledge", "english"],
}

_IGNORED = (r"\b(?:The |the |An |A |The |a |an )",)


def task(*, max_tokens: int = 256) -> Task:
    """The 3,610 validation questions; few-shot examples come from the training set (0 unless asked for)."""
    source = "google-research-datasets/nq_open"
    return Task(
        name="nq_open",
        data=(
            Subset(
                rows=hub(source, config="nq_open", split="validation"),
                examples=hub(source, config="nq_open", split="train"),
            ),
        ),
        sample=_sample,
        prompt=PromptFormat(question=_question, description=_description, separator="\n"),
        method=generate(max_tokens=max_tokens, stop=("\n", ".", ",")),
        scorers=(
            extracted("exact_match", _stripped, ignore=_IGNORED, ignore_case=True, ignore_punctuation=True),
            squad(),
        ),
        fewshot=Fewshot(spare=True),
        primary_metric="exact_match",
    )


def _sample(row: Row) -> Sample:
    return Sample(id=row.id, input=row.values["question"], targets=tuple(row.values["answer"]))


def _stripped(sample: Sample, text: str) -> str | None:
    return text.strip() or None


def _description(sample: Sample) -> str:
    return "Answer these questions:\n\n"


def _question(sample: Sample) -> str:
    return f"Q: {sample.input}?\nA:"
