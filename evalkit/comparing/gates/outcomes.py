"""What a gate is asked about one task, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from evalkit.comparing.pairing import Lost
from evalkit.stats.verdict import Verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evalkit.core import Ends, IntArray

    FloatArray = NDArray[np.float64]


class GateOutcome(StrEnum):
    """PASS and DEGRADED are shown to lie inside the margin, FAIL outside. WORSE is shown to be worse than the baseline,
    and neither to lie inside the margin nor outside. INCONCLUSIVE is everything else."""

    PASS = "PASS"
    FAIL = "FAIL"
    DEGRADED = "DEGRADED"
    INCONCLUSIVE = "INCONCLUSIVE"
    WORSE = "WORSE"

    @property
    def is_open(self) -> bool:
        """Whether more samples could still tell inside the margin from outside."""
        return self in (GateOutcome.INCONCLUSIVE, GateOutcome.WORSE)

    @property
    def blocks(self) -> bool:
        """Whether a drop is shown that no setting lets through."""
        return self in (GateOutcome.FAIL, GateOutcome.WORSE)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """The scores of the same samples in two runs, matched by id.

    `baseline` and `candidate` have shape (n,); several repeats of a sample are averaged before (`repeats` says that
    they were). `clusters`, shape (n,), numbers what is not independent; None where every sample stands for itself.
    `ends` are the least and the largest score there can be. `lost` are pairs that one side could not measure.
    """

    baseline: FloatArray
    candidate: FloatArray
    clusters: IntArray | None = None
    repeats: bool = False
    higher_is_better: bool = True
    ends: Ends = (None, None)
    lost: Lost | None = None

    def completed(self, *, worst: bool) -> Pairs:
        """All pairs, the lost ones as bad as they can have been, or as good; without `ends` they stay out."""
        lowest, highest = self.ends
        if self.lost is None or lowest is None or highest is None:
            return replace(self, lost=None)
        bad, good = (lowest, highest) if worst == self.higher_is_better else (highest, lowest)
        before = np.concatenate([self.baseline, np.where(np.isnan(self.lost.baseline), good, self.lost.baseline)])
        after = np.concatenate([self.candidate, np.where(np.isnan(self.lost.candidate), bad, self.lost.candidate)])
        clusters = None
        if self.clusters is not None and self.lost.clusters is not None:
            clusters = np.concatenate([self.clusters, self.lost.clusters])
        return replace(self, baseline=before, candidate=after, clusters=clusters, lost=None)

    def __post_init__(self) -> None:
        shapes = {self.baseline.shape, self.candidate.shape}
        if len(shapes) > 1 or self.baseline.ndim != 1:
            raise ValueError(f"baseline and candidate must be of one shape (n,), found {sorted(shapes)}")


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """What was decided for one task, and everything that it rests on.

    `found` is candidate - baseline in the metric's own direction: for a metric where lower is better a rise is a loss,
    and the margin then bounds the rise. Its `low` and `high` are the one-sided bounds that the decision was taken by,
    each at the limits' confidence (at 95 %, together a two-sided 90 % interval), its `p_value` is two-sided, for a
    difference of zero; they are NaN where nothing says how much the difference varies. Pairs that one side could not
    measure (`left_out`) are in the bounds at their worst and best, where scores have ends. `correction` says over how
    many decisions a FAIL was held.
    `mcnemar_p` is the exact p, for 0/1 scores without clusters. `needed` is the number of samples that would tell
    inside the margin from outside, for INCONCLUSIVE and WORSE, where that can be said. `reason` is one sentence.
    """

    outcome: GateOutcome
    baseline: float
    candidate: float
    found: Verdict
    margin: float
    reason: str
    mcnemar_p: float | None = None
    needed: int | None = None

    def with_how(self, more: str) -> GateVerdict:
        """The same, with one more word on the form that was taken."""
        return replace(self, found=replace(self.found, how=f"{self.how}, {more}"))

    @property
    def difference(self) -> float:
        return self.found.value

    @property
    def low(self) -> float:
        return self.found.low

    @property
    def high(self) -> float:
        return self.found.high

    @property
    def p_value(self) -> float:
        return self.found.p_value

    @property
    def n(self) -> int:
        return self.found.n

    @property
    def clusters(self) -> int:
        return self.found.clusters

    @property
    def how(self) -> str:
        return self.found.how

    @property
    def left_out(self) -> int:
        return self.found.left_out

    @property
    def correction(self) -> str:
        return self.found.correction


def shown(value: float, *, proportion: bool = False) -> str:
    """A difference as a sentence shows it: four decimals at most, or points of a proportion with two; never a small one
    as 0."""
    number, digits = (100.0 * value, 2) if proportion else (value, 4)
    text = f"{number:.{digits}f}".rstrip("0").rstrip(".")
    text = f"{number:.1e}" if number != 0.0 and text in ("0", "-0") else text
    return f"{text} point{'' if text == '1' else 's'}" if proportion else text
