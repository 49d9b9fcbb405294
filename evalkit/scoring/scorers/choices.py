"""Accuracy over choices by their log-likelihoods: plain, by length, and by mutual information."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample
from evalkit.scoring.extraction import final_answer
from evalkit.scoring.extraction.choices import choice
from evalkit.scoring.extraction.reading import Reading
from evalkit.scoring.metrics import mean


@dataclass(frozen=True, slots=True)
class _Accuracy(ScoreSample):
    unconditional: bool

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        _check_gold(sample)
        if replies and replies[-1].texts and not self.unconditional:
            return (_written(sample, replies),)
        replies = tuple(reply for reply in replies if not reply.texts)
        values = _loglikelihoods(sample, replies, 0)
        scores = [
            _scored("acc", sample, values, "nats"),
            _scored("acc_norm", sample, _per(values, map(len, sample.choices)), "nats per character"),
            _scored("acc_bytes", sample, _per(values, map(_bytes, sample.choices)), "nats per byte"),
        ]
        if self.unconditional:
            blank = _loglikelihoods(sample, replies, 1)
            if not all(map(math.isfinite, blank)):
                raise ValueError(f"log-likelihoods after an empty context are not finite: {blank}")
            gained = [value - base for value, base in zip(values, blank, strict=True)]
            scores.append(_scored("acc_mutual_info", sample, gained, "nats"))
        return tuple(scores)


def accuracy(*, unconditional: bool = False) -> Scorer:
    """Whether the likeliest choice is a right one; the first wins a tie, and any of several gold indices will do.

    Scores, each 0 or 1, as lm-evaluation-harness defines them:

    - `acc`: by the summed log-likelihood (nats).
    - `acc_norm`: by log-likelihood per character of the choice, without the delimiter before it.
    - `acc_bytes`: the same per UTF-8 byte.
    - `acc_mutual_info`, with `unconditional`: by log-likelihood minus that after an empty context, which the
      second reply holds (`choose(unconditional=True)` asks for it).

    Of a choice that the model wrote (see `written_choice`) only `acc` is known: whether it is a right one. A reply
    that names none is NO_ANSWER.

    Scoring raises ValueError where gold or log-likelihoods don't fit the choices, where a log-likelihood is NaN or
    +infinity, and where all are -infinity: nothing was preferred, so nothing may count as right.
    """
    names = ("acc", "acc_norm", "acc_bytes")
    metrics = (mean("acc"), mean("acc_norm"))
    if not unconditional:
        return Scorer("accuracy", _Accuracy(unconditional), names, metrics)
    return Scorer(
        "accuracy",
        _Accuracy(unconditional),
        (*names, "acc_mutual_info"),
        (*metrics, mean("acc_mutual_info")),
        settings={"unconditional": "yes"},
    )


def _written(sample: Sample, replies: tuple[Reply, ...]) -> Score:
    answer = final_answer(replies)
    unread: Reading[int] = Reading()
    read = choice(answer.text, sample.choices) if answer.text else unread
    if read.value is None:
        reason = answer.reason or read.problem or "names none of the choices"
        return Score("acc", 0.0, None, reason, answer.validity_with(read))
    said = sample.choices[read.value]
    right = any(said == sample.choices[index] for index in sample.gold)
    return Score("acc", float(right), said, answer.reason or "written", answer.validity)


def _check_gold(sample: Sample) -> None:
    if not sample.gold:
        raise ValueError("the sample has no gold index")
    if not all(0 <= index < len(sample.choices) for index in sample.gold):
        raise ValueError(f"gold {sample.gold} does not index the {len(sample.choices)} choices")


def _loglikelihoods(sample: Sample, replies: tuple[Reply, ...], index: int) -> tuple[float, ...]:
    if len(replies) <= index:
        raise ValueError(f"{index + 1} replies are needed, found {len(replies)}; use choose() as the method")
    values = replies[index].loglikelihoods
    if len(values) != len(sample.choices):
        raise ValueError(f"{len(values)} log-likelihoods for {len(sample.choices)} choices")
    if any(math.isnan(value) or value == math.inf for value in values):
        raise ValueError(f"log-likelihoods are not numbers: {values}")
    if all(value == -math.inf for value in values):
        raise ValueError("every choice has a log-likelihood of -infinity")
    return values


def _per(values: Sequence[float], lengths: map[int]) -> list[float]:
    # An empty choice has no length to divide by and can't be the best by length.
    return [value / length if length else -math.inf for value, length in zip(values, lengths, strict=True)]


def _bytes(choice: str) -> int:
    return len(choice.encode("utf-8", "surrogatepass"))


def _scored(name: str, sample: Sample, values: Sequence[float], unit: str) -> Score:
    # max() keeps the first of equals.
    chosen = max(range(len(values)), key=values.__getitem__)
    others = [value for index, value in enumerate(values) if index != chosen]
    if not others:
        reason = "the only choice"
    elif max(others) == values[chosen]:
        reason = "tied; the first of the best counts"
    else:
        reason = f"ahead by {values[chosen] - max(others):.4g} {unit}"
    return Score(name, float(chosen in sample.gold), sample.choices[chosen], reason)
