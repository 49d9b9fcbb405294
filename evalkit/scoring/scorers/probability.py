"""How much of the choices' probability the right ones hold."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample
from evalkit.scoring.metrics import mean


@dataclass(frozen=True, slots=True)
class _GoldProbability(ScoreSample):
    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        values = replies[0].loglikelihoods if replies else ()
        if len(values) != len(sample.choices) or not values:
            raise ValueError(f"{len(values)} log-likelihoods for {len(sample.choices)} choices; use choose()")
        if not sample.gold or not all(0 <= index < len(values) for index in sample.gold):
            raise ValueError(f"gold {sample.gold} does not index the {len(values)} choices")
        most = max(values)
        if any(math.isnan(value) for value in values) or not math.isfinite(most):
            raise ValueError(f"log-likelihoods are not numbers: {values}")
        masses = [math.exp(value - most) for value in values]
        proportion = math.fsum(masses[index] for index in set(sample.gold)) / math.fsum(masses)
        return (Score("gold_probability", min(proportion, 1.0), sample.choices[values.index(most)]),)


def gold_probability() -> Scorer:
    """The proportion of probability that falls to the right choices; the score is `gold_probability`, 0 to 1.

    With log-likelihoods ll of the choices it is Σ_gold exp(ll) / Σ exp(ll), TruthfulQA's MC2 (Lin et al., 2022).
    The largest ll is taken off first, so that a proportion is found even where every exp(ll) would be 0 in float64.

    Scoring raises ValueError where gold or log-likelihoods don't fit the choices, for one that is NaN or +infinity,
    and where all are -infinity.
    """
    return Scorer("gold_probability", _GoldProbability(), ("gold_probability",), (mean("gold_probability"),))
