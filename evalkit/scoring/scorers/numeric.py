"""Numbers as answers: equal as written, or near enough."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, UsageError, Validity
from evalkit.scoring.extraction import as_number, final_answer, last_number
from evalkit.scoring.metrics import mean


@dataclass(frozen=True, slots=True)
class _Numeric(ScoreSample):
    absolute: float
    relative: float

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        targets = [_value(target) for target in sample.targets]
        if not targets:
            raise ValueError("the sample has no targets")
        answer = final_answer(replies)
        if not answer.text:
            return (Score("numeric", 0.0, None, answer.reason, answer.validity),)
        written = answer.text if as_number(answer.text) is not None else last_number(answer.text)
        said = None if written is None else as_number(written)
        if said is None:
            validity = answer.validity if answer.validity is Validity.LENGTH else Validity.NO_ANSWER
            return (Score("numeric", 0.0, written, "no number in the reply", validity),)
        right = any(abs(said - target) <= self.absolute + self.relative * abs(target) for target in targets)
        return (Score("numeric", float(right), f"{said:.12g}", answer.reason, answer.validity),)


def numeric(*, absolute: float = 0.0, relative: float = 0.0) -> Scorer:
    """Whether the last number of the reply is one of the targets, within a tolerance; the score is `numeric`, 0 or 1.

    |said - target| ≤ absolute + relative·|target|. With both 0 the values must be equal, however they are written
    ("$1,080.00" and "1080"). A reply without a number is NO_ANSWER.

    Raises UsageError for a tolerance below 0; scoring raises ValueError where a target is no number.
    """
    if not (0 <= absolute < math.inf and 0 <= relative < math.inf):
        raise UsageError("a tolerance is 0 or more", found=f"absolute={absolute:g}, relative={relative:g}")

    settings = {key: f"{value:g}" for key, value in (("absolute", absolute), ("relative", relative)) if value}
    return Scorer("numeric", _Numeric(absolute, relative), ("numeric",), (mean("numeric"),), settings)


def _value(target: str) -> float:
    value = as_number(target)
    if value is None:
        raise ValueError(f"the target {target!r} is no number")
    return value
