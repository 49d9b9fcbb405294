"""Three grades: an answer is correct, incorrect or not attempted, and an F-score weighs knowing against guessing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.core import Judge, Metric, Score
from evalkit.judging.labels import Labels, labelled
from evalkit.judging.prompts import PromptText
from evalkit.scoring.metrics.corpus import of_counts

if TYPE_CHECKING:
    from evalkit.core import FloatRows

GRADES = ("correct", "incorrect", "not_attempted")
_WRITTEN = {
    **dict(zip("ABC", GRADES, strict=True)),
    **{grade.upper(): grade for grade in GRADES},
    "NOT ATTEMPTED": "not_attempted",
}


def _scores(grade: str) -> tuple[Score, ...]:
    """One score a grade, 1 for the one that was given. The first holds what the F-score sums: correct, tried, asked."""
    given = {name: float(name == grade) for name in GRADES}
    counts = (given["correct"], given["correct"] + given["incorrect"], 1.0)
    return tuple(
        Score(name, value, answer=grade, counts=counts if name == "correct" else ()) for name, value in given.items()
    )


def three_grades(name: str, prompt: PromptText, form: str, *, max_tokens: int = 1024, version: int = 1) -> Judge:
    """A judge that grades an answer against a target; scores `correct`, `incorrect` and `not_attempted`, 0 or 1.

    `prompt` is filled with `question`, `target` and `predicted_answer`; `form` ends it, for a model that takes no
    schema. An empty reply is not attempted, without asking. A verdict that cannot be read is unjudged, where OpenAI's
    script takes it for "not attempted".
    """
    labels = Labels(_WRITTEN, "grade", "not_attempted", _scores, GRADES, frozenset(["incorrect"]))
    return labelled(name, labels, prompt, form, max_tokens=max_tokens, version=version)


def grade_metrics() -> tuple[Metric, ...]:
    """What SimpleQA reports of the grades: `f_score`, the harmonic mean of the proportion correct of all questions and
    of those attempted, and `correct_given_attempted`; 0 where nothing was attempted."""
    return (
        of_counts("f_score", "correct", 3, _f_score, weighed_by=2),
        of_counts("correct_given_attempted", "correct", 3, _given_attempted, weighed_by=1),
    )


def _f_score(sums: FloatRows) -> FloatRows:
    """2·P·R / (P + R) with P = correct / attempted and R = correct / asked: 2·correct / (attempted + asked)."""
    correct, attempted, asked = sums.T
    found: FloatRows = 2.0 * correct / (attempted + asked)
    return found


def _given_attempted(sums: FloatRows) -> FloatRows:
    import numpy as np

    correct, attempted, _ = sums.T
    found: FloatRows = np.divide(correct, attempted, out=np.zeros_like(correct), where=attempted > 0)
    return found
