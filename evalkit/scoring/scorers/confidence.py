"""How sure a model was: the Brier score and calibration of the probabilities that it gives to choices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample
from evalkit.scoring.metrics import ece, mean


@dataclass(frozen=True, slots=True)
class _Calibration(ScoreSample):
    per: Literal["sum", "character", "byte"]

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        if len(set(sample.gold)) != 1 or not 0 <= sample.gold[0] < len(sample.choices):
            raise ValueError(f"one of the {len(sample.choices)} choices must be right, found {sample.gold}")
        values = replies[0].loglikelihoods if replies else ()
        if len(values) != len(sample.choices):
            raise ValueError(f"{len(values)} log-likelihoods for {len(sample.choices)} choices; use choose()")
        if not all(map(math.isfinite, values)):
            raise ValueError(f"log-likelihoods are not finite: {values}")
        proportions = softmax(
            [value / _length(choice, self.per) for value, choice in zip(values, sample.choices, strict=True)]
        )
        right = sample.gold[0]
        brier = math.fsum((proportion - (number == right)) ** 2 for number, proportion in enumerate(proportions))
        likeliest = max(range(len(proportions)), key=proportions.__getitem__)
        counts = (proportions[likeliest], float(likeliest == right))
        reason = f"{proportions[right]:.3g} on the right choice"
        return (
            Score("brier", brier, None, reason),
            Score("confidence", proportions[likeliest], sample.choices[likeliest], reason, counts=counts),
        )


def calibration(*, per: Literal["sum", "character", "byte"] = "sum", bins: int = 15) -> Scorer:
    """Brier's score and the confidence of a choice, from its log-likelihoods by a softmax: `brier`, `confidence`.

    - `brier` (0 to 2, lower is better): Σ over choices of (probability - right)², as for many classes in Brier 1950
      and lm-evaluation-harness; with two choices it is twice what it is for one event.
    - `confidence` (0 to 1): the probability of the likeliest choice; `ece` is made of it (see `metrics.ece`).

    `per` divides log-likelihoods by the choices' length first, as acc_norm and acc_bytes do. Scoring raises ValueError
    for a sample that has not exactly one right choice, and for log-likelihoods that are not finite.
    """
    metrics = (mean("brier", scale="number", higher_is_better=False, ends=(0.0, 2.0)), ece(bins=bins))
    settings = {} if per == "sum" else {"per": per}
    return Scorer("calibration", _Calibration(per), ("brier", "confidence"), metrics, settings | {"bins": str(bins)})


def softmax(values: Sequence[float]) -> list[float]:
    """exp(v) / Σ exp(v), safe for any size of v."""
    highest = max(values)
    powers = [math.exp(value - highest) for value in values]
    total = math.fsum(powers)
    return [power / total for power in powers]


def _length(choice: str, per: str) -> int:
    if per == "sum":
        return 1
    length = len(choice) if per == "character" else len(choice.encode("utf-8", "surrogatepass"))
    if length == 0:
        raise ValueError("an empty choice has no length to divide by")
    return length
