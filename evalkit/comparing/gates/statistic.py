"""The decision on a metric that is not a mean of samples: corpus BLEU, macro F1, a perplexity, a win rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evalkit.comparing.gates.decide import MOST_SAMPLES, by_bounds, lost_in_words, nothing, verdict
from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.outcomes import GateVerdict
from evalkit.stats.bootstrap import values_only
from evalkit.stats.jackknife import paired_jackknife
from evalkit.stats.near_level import settled
from evalkit.stats.paired_bootstrap import paired_bootstrap
from evalkit.stats.verdict import Verdict

if TYPE_CHECKING:
    from evalkit.core import Ends, Estimate, FloatRows, IntArray, Jackknife


@dataclass(frozen=True, slots=True)
class Statistic:
    """What a decision has to know of a metric: how rows become its value, and how that value varies.

    `estimate` takes rows of shape (n, width) and the number of each row's cluster. `ends` are the least and the largest
    value there can be, `weighed_by` is the column that says what a sample weighs; `jackknife` as in
    `evalkit.core.Metric`.
    """

    estimate: Callable[[FloatRows, IntArray], Estimate]
    higher_is_better: bool = True
    ends: Ends = (None, None)
    jackknife: Jackknife = "bounded"
    weighed_by: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PairedRows:
    """A metric's sufficient statistics of the same samples in two runs, both of shape (n, width).

    `clusters`, shape (n,), numbers what is not independent. `lost` pairs are not among the rows, since one side could
    not measure them. Raises ValueError where the two have not the same number of rows.
    """

    baseline: FloatRows
    candidate: FloatRows
    clusters: IntArray | None = None
    lost: int = 0

    def __post_init__(self) -> None:
        if len(self.baseline) != len(self.candidate):
            raise ValueError(f"{len(self.baseline)} baseline rows for {len(self.candidate)} candidate rows")


def decide_statistic(
    rows: PairedRows,
    statistic: Statistic,
    limits: GateLimits,
    *,
    seed: int = 0,
    resamples: int = 1000,
    strict: bool = True,
) -> GateVerdict:
    """The verdict on a metric of all samples together; a margin is in the metric's own unit.

    Bounds are those of the jackknife's pseudo-values (`evalkit.stats.jackknife.paired_jackknife`), or, where the
    statistic's `jackknife` is "none", of the paired bootstrap with `resamples`. Lost pairs are taken to have lost or
    gained all there is of their part, where the metric has ends. Raises ValueError for zero tolerance, which speaks of
    single samples.
    """
    if limits.zero_tolerance:
        raise ValueError("zero tolerance needs a value for every sample, not a statistic of all of them")
    n = len(rows.baseline)
    if n == 0:
        return nothing(limits)
    confidence = 1.0 - 2.0 * limits.alpha
    if statistic.jackknife == "none":
        found = _resampled(rows, statistic, confidence, seed, resamples)
    else:
        found = _left_out(rows, statistic, confidence, seed, strict=strict)
    numbers = np.arange(n) if rows.clusters is None else rows.clusters
    with values_only():
        before = statistic.estimate(rows.baseline, numbers).value
        after = statistic.estimate(rows.candidate, numbers).value
    found = _with_lost(found, rows.lost, statistic.ends)
    outcome = by_bounds(found, limits, statistic.higher_is_better)
    needed = _needed(found, limits, statistic.higher_is_better) if outcome.is_open else None
    return verdict(outcome, found, before, after, limits, statistic.higher_is_better, needed=needed)


def _left_out(rows: PairedRows, statistic: Statistic, confidence: float, seed: int, *, strict: bool) -> Verdict:
    return paired_jackknife(
        rows.baseline,
        rows.candidate,
        statistic.estimate,
        rows.clusters,
        ends=statistic.ends,
        weighed_by=statistic.weighed_by,
        leverage=statistic.jackknife == "leverage",
        seed=seed,
        confidence=confidence,
        strict=strict,
    )


def _resampled(rows: PairedRows, statistic: Statistic, confidence: float, seed: int, resamples: int) -> Verdict:
    sides = rows.baseline, rows.candidate

    def drawn(count: int) -> Verdict:
        return paired_bootstrap(
            *sides, statistic.estimate, rows.clusters, seed=seed, resamples=count, confidence=confidence
        )

    return settled(drawn, 1.0 - confidence, resamples=resamples)


def _with_lost(found: Verdict, lost: int, ends: Ends) -> Verdict:
    """Bounds moved by all that the lost samples' part of the whole can hold."""
    lowest, highest = ends
    if lost == 0:
        return found
    known = lowest is not None and highest is not None
    part = lost / (lost + found.n) * (highest - lowest) if lowest is not None and highest is not None else 0.0
    why = lost_in_words(lost, counted=known)
    return replace(found, low=found.low - part, high=found.high + part, left_out=lost, why=why)


def _needed(found: Verdict, limits: GateLimits, higher_is_better: bool) -> int | None:
    """How many samples would bring the nearer bound to the margin, if the difference stayed as measured."""
    if not math.isfinite(found.low):
        return None
    value, reach = (found.value, found.low) if higher_is_better else (-found.value, -found.high)
    distance = value + limits.margin
    factor = math.inf if distance == 0.0 else ((value - reach) / distance) ** 2
    return math.ceil(found.n * factor) + 1 if factor <= MOST_SAMPLES else None
