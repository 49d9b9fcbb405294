"""Whether a model would have written a given continuation, and how likely it was."""

from __future__ import annotations

from dataclasses import dataclass

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, is_number
from evalkit.scoring.metrics import mean
from evalkit.scoring.metrics.perplexity import perplexity


@dataclass(frozen=True, slots=True)
class _Prediction(ScoreSample):
    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        reply = replies[0] if replies else Reply()
        if len(sample.choices) != 1 or len(reply.loglikelihoods) != 1 or len(reply.greedy) != 1:
            raise ValueError(f"one choice is needed, found {len(sample.choices)}; use choose() as the method")
        value = reply.loglikelihoods[0]
        if not is_number(value):
            raise ValueError(f"the log-likelihood is {value}")
        predicted = sample.choices[0] if reply.greedy[0] else None
        reason = "" if reply.greedy[0] else "another continuation is likelier"
        return (Score("acc", float(reply.greedy[0]), predicted, reason), Score("loglikelihood", value))


def prediction() -> Scorer:
    """Whether the model's own likeliest text is the sample's one choice, as LAMBADA's last word; and its likelihood.

    Scores: `acc` (1 where every token of the continuation is the likeliest one, else 0) and `loglikelihood` (nats,
    summed over its tokens). Metrics: the mean of `acc`, and `perplexity`, exp of the mean of -loglikelihood.

    Scoring raises ValueError for a sample with other than one choice and a log-likelihood that is not finite.
    """
    return Scorer("prediction", _Prediction(), ("acc", "loglikelihood"), (mean("acc"), perplexity()))
