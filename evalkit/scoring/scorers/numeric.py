"""Numbers as answers: equal as written, or near enough."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, UsageError
from evalkit.scoring.extraction import Number, as_number, final_answer, number
from evalkit.scoring.metrics import mean


@dataclass(frozen=True, slots=True)
class _Numeric(ScoreSample):
    absolute: float
    relative: float
    needs_targets = True

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        targets = [_target(target) for target in sample.targets]
        if not targets:
            raise ValueError("the sample has no targets")
        answer = final_answer(replies)
        if not answer.text:
            return (Score("numeric", 0.0, None, answer.reason, answer.validity),)
        reading = number(answer.text)
        if reading.value is None:
            return (Score("numeric", 0.0, None, reading.problem, answer.validity_with(reading)),)
        right = any(self._equal(reading.value, target) for target in targets)
        shown = f"{reading.value.value:.12g}" + "%" * reading.value.percent
        return (Score("numeric", float(right), shown, answer.reason, answer.validity),)

    def _equal(self, said: Number, target: Number) -> bool:
        """Equal as written or as values; of a percentage where the target has no sign, whichever the target is: a
        proportion (up to 1) or a number of percent."""
        if said.percent and not target.percent:
            return self._near(said.value if abs(target.value) > 1 else said.plain, target.value)
        # "3 million" answers "How many million?", whose target is 3.
        if said.scale > max(1.0, abs(target.value)) and self._near(said.value / said.scale, target.value):
            return True
        return self._near(said.value, target.value) or (
            target.percent and not said.percent and self._near(said.value, target.plain)
        )

    def _near(self, said: float, target: float) -> bool:
        return abs(said - target) <= self.absolute + self.relative * abs(target)


def numeric(*, absolute: float = 0.0, relative: float = 0.0) -> Scorer:
    """Whether the number that the reply gives is one of the targets, within a tolerance: `numeric`, 0 or 1.

    |said - target| ≤ absolute + relative·|target|. With both 0 the values must be equal, however they are written
    ("$1,080.00" and "1080"). The number is that of the reply's last box, else the last one that is stated ("the answer
    is 5"), else the last (`scoring.extraction.numbers`). A percentage is compared with a target in percent as it is
    written; with another as a proportion where the target is at most 1, else as a number of percent.
    "3 million" is 3000000, and 3 where the target is below a million.

    A reply without a number is NO_ANSWER, one whose number may be two things ("12,5") is UNREADABLE.

    Raises UsageError for a tolerance below 0; scoring raises ValueError where a target is not a number.
    """
    if not (0 <= absolute < math.inf and 0 <= relative < math.inf):
        raise UsageError("a tolerance is 0 or more", found=f"absolute={absolute:g}, relative={relative:g}")

    settings = {key: f"{value:g}" for key, value in (("absolute", absolute), ("relative", relative)) if value}
    return Scorer("numeric", _Numeric(absolute, relative), ("numeric",), (mean("numeric"),), settings, version=2)


def _target(text: str) -> Number:
    value = as_number(text)
    if value is None:
        raise ValueError(f"the target {text!r} is not a number")
    return Number(value * 100, percent=True) if text.strip().rstrip(".").endswith("%") else Number(value)
