"""DROP's own scores: exact match and F1 over answers that are a number, a date, a span, or several spans."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.extraction.replies import without_thought
from evalkit.scoring.metrics import mean

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True)
class _Drop(ScoreSample):
    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        answers = sample.data.get("answers") or [(target,) for target in sample.targets]
        answers = [spans for spans in answers if spans and spans[0].strip()]
        if not answers:
            raise ValueError("the sample has no answers")
        answer = final_answer(replies)
        em = f1 = 0.0
        if answer.text:
            said = [answer.text, *(one.text for one in without_thought(replies[-1])[1:])]
            scored = [drop_scores(said, spans) for spans in answers]
            em, f1 = max(pair[0] for pair in scored), max(pair[1] for pair in scored)
        shown = drop_normalise(answer.text) if answer.text else None
        return (
            Score("em", em, shown, answer.reason, answer.validity),
            Score("f1", f1, shown, answer.reason, answer.validity),
        )


def drop() -> Scorer:
    """DROP's official exact match `em` (0 or 1) and `f1` (0 to 1, in hundredths), the best over the annotators.

    The sample's data holds `answers`, a list of answers, each the list of its spans; without it every target is an
    answer of one span. Words are compared in lower case, without articles and punctuation; numbers by value ("4.0" is
    "4"). F1 is over the sets of words, and 0 where an answer has numbers and the reply has none of them; for an
    answer of several spans it is the mean over the best pairing of spans. A reply is one span; one of several texts
    has as many spans (so a perfect reply to such a question can be written down, though no model writes it so).

    Source: the official evaluation script, as lm-evaluation-harness uses it. An empty reply is NO_ANSWER. Scoring
    raises ValueError for a sample without answers.
    """
    return Scorer("drop", _Drop(), ("em", "f1"), (mean("em"), mean("f1")))


def drop_scores(said: Sequence[str], spans: Sequence[str]) -> tuple[float, float]:
    """Exact match and F1 of the spans of a reply against those of one answer, neither of them empty."""
    ours, golds = [drop_normalise(span) for span in said], [drop_normalise(span) for span in spans]
    exact = set(ours) == set(golds) and len(ours) == len(golds)
    table = [[_f1(set(span.split()), set(gold.split())) for span in ours] for gold in golds]
    # In this order it rounds as numpy's round() does in the official script.
    return float(exact), round(_paired(table) / max(len(ours), len(golds)) * 100) / 100


def _paired(table: list[list[float]]) -> float:
    """The largest sum of entries of which no two share a row or a column."""
    if len(table) == 1 or len(table[0]) == 1:
        return max(value for row in table for value in row)
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(table, maximize=True)
    return float(sum(table[row][column] for row, column in zip(rows, columns, strict=True)))


def drop_normalise(text: str) -> str:
    """Words in lower case, parted at blanks and hyphens, without punctuation and articles; numbers as decimals."""
    found = (_normal_word(word) for word in re.split(" |-", text.lower()))
    return " ".join(word for word in found if word)


def _normal_word(word: str) -> str:
    if not _is_number(word):
        word = word.translate(_NO_PUNCTUATION)
    if _is_number(word):
        word = str(float(word))
    return " ".join(_ARTICLES.sub(" ", word).split())


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _f1(ours: set[str], gold: set[str]) -> float:
    numbers = {word for word in gold if _is_number(word)}
    if numbers and not numbers & ours:
        return 0.0
    same = len(ours & gold)
    precision = same / len(ours) if ours else 1.0
    recall = same / len(gold) if gold else 1.0
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
