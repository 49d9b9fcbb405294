"""TriviaQA's own scores: exact match and token F1 after its normalisation, the best over all aliases."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.metrics import mean
from evalkit.scoring.scorers.token_f1 import overlap

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_BLANKS = str.maketrans(dict.fromkeys(string.punctuation + "‘’´`", " "))


def triviaqa_normalise(text: str) -> str:
    """TriviaQA's normal form: underscores and punctuation become blanks, lower case, no articles, single blanks.

    Unlike SQuAD's, punctuation parts words ("U.S." becomes "u s"). Source: the official evaluation script.
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_BLANKS)).split())


@dataclass(frozen=True, slots=True)
class _TriviaQA(ScoreSample):
    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        aliases = sample.data.get("normalized_aliases") or sample.targets
        if not aliases:
            raise ValueError("the sample has no targets")
        answer = final_answer(replies)
        said = triviaqa_normalise(answer.text)
        golds = [triviaqa_normalise(alias) for alias in aliases] if answer.text else []
        exact = float(said in golds)
        best = max((_f1(said, gold) for gold in golds), default=0.0)
        shown = said if answer.text else None
        return (
            Score("exact", exact, shown, answer.reason, answer.validity),
            Score("f1", best, shown, answer.reason, answer.validity),
        )


def triviaqa() -> Scorer:
    """TriviaQA's official `exact` (0 or 1) and `f1` (0 to 1), each the best over the aliases.

    The aliases are those of the sample's data under `normalized_aliases`, where the data set has them, else its
    targets. An empty reply is NO_ANSWER. Scoring raises ValueError for a sample without targets.
    """
    return Scorer("triviaqa", _TriviaQA(), ("exact", "f1"), (mean("exact"), mean("f1")))


def _f1(said: str, gold: str) -> float:
    ours, theirs = said.split(), gold.split()
    # The official script has 0 also where both sides are empty.
    return overlap(ours, theirs)[0] if ours and theirs else 0.0
