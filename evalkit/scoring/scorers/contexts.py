"""Accuracy over choices in the context, by what each makes of the same continuation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample
from evalkit.scoring.metrics import mean


@dataclass(frozen=True, slots=True)
class _ContextAccuracy(ScoreSample):
    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        if len(replies) != len(sample.choices) or any(len(reply.loglikelihoods) != 1 for reply in replies):
            raise ValueError(f"{len(replies)} replies for {len(sample.choices)} choices; use choose_contexts()")
        if not sample.gold or not all(0 <= index < len(sample.choices) for index in sample.gold):
            raise ValueError(f"gold {sample.gold} does not index the {len(sample.choices)} choices")
        values = [reply.loglikelihoods[0] for reply in replies]
        if any(math.isnan(value) or value == math.inf for value in values) or max(values) == -math.inf:
            raise ValueError(f"log-likelihoods are not numbers: {values}")
        chosen = values.index(max(values))
        others = [value for number, value in enumerate(values) if number != chosen]
        ahead = f"ahead by {values[chosen] - max(others):.4g} nats" if others else "the only choice"
        return (Score("acc", float(chosen in sample.gold), sample.choices[chosen], ahead),)


def context_accuracy() -> Scorer:
    """Whether the choice that makes the shared continuation likeliest is a right one; the first wins a tie.

    The score is `acc`, 0 or 1. There is no variant by length, because every choice is judged by the same text.
    The replies are those of `choose_contexts`: one a choice, each with one log-likelihood.

    Scoring raises ValueError where gold or replies don't fit the choices, and for a log-likelihood that is NaN or
    +infinity, or where all are -infinity.
    """
    return Scorer("context_accuracy", _ContextAccuracy(), ("acc",), (mean("acc"),))
