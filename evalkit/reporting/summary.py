"""What a run's page says apart from scores, counted while the records pass: time, money, calibration, endings."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from evalkit.core import Record
from evalkit.reporting.marks import cause_of

BINS = 10
FEW_CLUSTERS = 50
"""Clusters are counted up to so many: with fewer an interval rests on few independent things."""


@dataclass(slots=True)
class Tally:
    """One task of one run. Eight bytes a record are kept (its seconds); everything else is a sum."""

    seconds: array[float] = field(default_factory=lambda: array("d"))
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cost: float = 0.0
    priced: int = 0
    records: int = 0
    cached: int = 0
    finishes: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    confidence: list[float] = field(default_factory=lambda: [0.0] * BINS)
    right: list[int] = field(default_factory=lambda: [0] * BINS)
    judged: list[int] = field(default_factory=lambda: [0] * BINS)
    marks: Counter[str] = field(default_factory=Counter)
    """Samples by what they are marked with (`reporting.marks`)."""
    _clusters: set[str] = field(default_factory=set)

    def add(self, record: Record, marks: Sequence[str] = ()) -> None:
        """Take a record, and what it is marked with (`reporting.marks`)."""
        self.records += 1
        if record.sample.cluster and len(self._clusters) < FEW_CLUSTERS:
            self._clusters.add(record.sample.cluster)
        self.marks.update(marks)
        if record.failure is not None:
            self.failures[cause_of(record)] += 1
        if record.cost is not None:
            self.cost += record.cost
            self.priced += 1
        if not record.replies:
            return
        self.seconds.append(sum(reply.seconds for reply in record.replies))
        self.cached += all(reply.source == "cache" for reply in record.replies)
        for reply in record.replies:
            self.prompt_tokens += reply.usage.prompt_tokens
            self.completion_tokens += reply.usage.completion_tokens
            self.reasoning_tokens += reply.usage.reasoning_tokens
            self.finishes.update(reply.finish)
        self._calibrate(record)

    def _calibrate(self, record: Record) -> None:
        """The probability of the chosen among the choices (softmax of log-likelihoods) against whether it is right."""
        choices, values = record.sample.choices, record.replies[0].loglikelihoods
        if len(choices) < 2 or len(values) != len(choices) or not record.sample.gold or not math.isfinite(max(values)):
            return
        best = max(range(len(values)), key=values.__getitem__)
        confidence = 1.0 / sum(math.exp(value - values[best]) for value in values)
        place = max(0, min(BINS - 1, math.ceil(confidence * BINS) - 1))
        self.confidence[place] += confidence
        self.right[place] += best in record.sample.gold
        self.judged[place] += 1

    @property
    def clusters(self) -> int:
        """How many sets of samples belong together, `FEW_CLUSTERS` at most; 0 where every sample is by itself."""
        return len(self._clusters)

    @property
    def ece(self) -> float | None:
        """Expected calibration error over ten bins of equal width (Guo et al. 2017); None without probabilities."""
        n = sum(self.judged)
        if not n:
            return None
        return sum(abs(c - r) for c, r in zip(self.confidence, self.right, strict=True)) / n

    @property
    def bins(self) -> list[tuple[float, float, int]]:
        """(mean confidence, share right, n) of every bin that has samples."""
        parts = zip(self.confidence, self.right, self.judged, strict=True)
        return [(confidence / n, right / n, n) for confidence, right, n in parts if n]

    def quantile(self, proportion: float) -> float:
        """The nearest-rank quantile of the samples' seconds; NaN without any."""
        if not self.seconds:
            return math.nan
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, max(0, math.ceil(proportion * len(ordered)) - 1))]
