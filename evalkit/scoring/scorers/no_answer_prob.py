"""What saying nothing would have scored, and how likely the model held it: SQuAD 2.0's no-answer probability."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample
from evalkit.scoring.metrics.thresholds import best_by_threshold


@dataclass(frozen=True, slots=True)
class _NoAnswerProb(ScoreSample):
    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        if not replies or len(replies[0].loglikelihoods) != 1:
            raise ValueError("the first reply must hold the log-likelihood of the word for no answer")
        silent = 0.0 if any(sample.targets) else 1.0
        return (Score("silent", silent), Score("no_answer", math.exp(min(0.0, replies[0].loglikelihoods[0]))))


def no_answer_prob() -> Scorer:
    """The scores `silent` (1 where the sample has no targets, so that nothing is the right answer) and `no_answer`.

    `no_answer` is the probability of the word for no answer, from the log-likelihood in the first reply. Metrics:
    `best_exact` and `best_f1`, which need the scores of `squad`. Scoring raises ValueError where the first reply holds
    no log-likelihood.
    """
    metrics = tuple(best_by_threshold(name, "silent", "no_answer", name=f"best_{name}") for name in ("exact", "f1"))
    return Scorer("no_answer_prob", _NoAnswerProb(), ("silent", "no_answer"), metrics)
