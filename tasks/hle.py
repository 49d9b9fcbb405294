"""Humanity's Last Exam, text only: questions at the frontier of what people know, with the answer's confidence.

Paper: https://arxiv.org/abs/2501.14249 (Phan et al., 2025). Data: cais/hle, MIT licence; its terms must be accepted on
the hub first, and its authors ask that no question is shown in public. Columns of a row:

    {"id": "66…", "question": "…", "image": "", "answer": "…", "answer_type": "exactMatch", "category": "Math",
     "raw_subject": "Mathematics", "rationale": "…"}

Questions with an image are left out. The system's words and the judge are those of the authors' repository; a judge
says whether the answer is the gold one, and the calibration error is between how sure answers say they are and how
often they are right.
"""

from __future__ import annotations

from evalkit.core import Judge, Message, Row, Sample, Sampling, Subset, Task, UsageError
from evalkit.data import hub, selected
from evalkit.plugins import load
from evalkit.prompting.chat import chat_task
from evalkit.scoring.metrics.binned_calibration import rms_calibration
from evalkit.scoring.scorers.judging import judged

META = {
    "name": "hle",
    "summary": "Humanity's Last Exam without images, by a judge's equality; calibration error",
    "tags": ["knowledge", "reasoning", "chat", "judge", "english", "unverified"],
}

_SYSTEM = (
    "Your response should be in the following format:\nExplanation: {your explanation for your answer choice}\n"
    "Answer: {your chosen answer}\nConfidence: {your confidence score between 0% and 100% for your answer}"
)


def task(*, judge: str = "hle", max_tokens: int = 32768) -> Task:
    """`judge` is the name or file of a judge of equality. `max_tokens` bounds thought and answer."""
    made = load("judge", judge)
    if not isinstance(made, Judge):
        raise UsageError(f"{judge!r} is not a judge", found=type(made).__name__)
    scorer = judged(made)
    return chat_task(
        "hle",
        (Subset(selected(hub("cais/hle", split="test"), lambda row: not row["image"], "without an image")),),
        _sample,
        (scorer,),
        max_tokens=max_tokens,
        gold=lambda sample: f"Explanation: It is so.\nAnswer: {sample.targets[0]}\nConfidence: 100%",
        metrics=(*scorer.metrics, rms_calibration()),
        primary="correct",
        recommended=Sampling(temperature=0.0),
    )


def _sample(row: Row) -> Sample:
    values = row.values
    return Sample(
        id=str(values["id"]),
        input=(Message("system", _SYSTEM), Message("user", values["question"])),
        targets=(str(values["answer"]),),
        groups=tuple(str(values[column]) for column in ("category", "answer_type") if values.get(column)),
    )
