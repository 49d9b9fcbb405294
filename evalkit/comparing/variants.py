"""Variants of one model against the full one: every task paired, then all tasks together, with what each costs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from evalkit.comparing.answers import (
    Answers,
    Flips,
    Key,
    answers_of,
    changed_of,
    choice_divergence,
    flips_of,
    next_token_divergence,
    perplexity_ratio,
)
from evalkit.comparing.gates.assess import difference
from evalkit.comparing.gates.integrity import findings
from evalkit.comparing.gates.outcomes import GateVerdict
from evalkit.comparing.pairing import PairedTask, is_mean, pair_tasks
from evalkit.comparing.side import Readable, TaskSide
from evalkit.core import Estimate, UsageError

CONFIDENCE = 0.95
_SMALLEST = 1e-6
"""The least p that is sought by inverting intervals."""


class VariantInfo(Protocol):
    """One side: its tasks, and the run they were read from."""

    @property
    def sides(self) -> dict[str, TaskSide]: ...
    @property
    def run(self) -> Readable | None: ...


@dataclass(frozen=True, slots=True)
class VariantCost:
    """What a variant costs, as `evalkit.models.usage` wrote it into the run's manifest; NaN where not known.

    Bytes: of the weights, of the process at its peak and `before` it loaded them, of the tensors on a GPU at the peak.
    Seconds until the first answer. Tokens a second: the median of the rounds with the slowest and the fastest.
    """

    weights: float = math.nan
    peak: float = math.nan
    before: float = math.nan
    device: float = math.nan
    load_seconds: float = math.nan
    written: tuple[float, float, float] = (math.nan, math.nan, math.nan)
    read: tuple[float, float, float] = (math.nan, math.nan, math.nan)

    @staticmethod
    def of(measured: Mapping[str, Any]) -> VariantCost:
        """The cost that a manifest's `model["measured"]` tells; all NaN where it is empty."""

        def number(name: str) -> float:
            value = measured.get(name)
            return math.nan if value is None else float(value)

        def rounds(name: str) -> tuple[float, float, float]:
            speeds = [float(speed) for speed in measured.get(name) or ()]
            return (statistics.median(speeds), min(speeds), max(speeds)) if speeds else (math.nan,) * 3

        return VariantCost(
            number("weights"),
            number("resident"),
            number("before"),
            number("device"),
            number("load_seconds"),
            rounds("written"),
            rounds("read"),
        )

    @property
    def memory(self) -> float:
        """At the peak: of the device where it computes on one, else of the process."""
        return self.device if math.isfinite(self.device) else self.peak


@dataclass(frozen=True, slots=True)
class Shift:
    """One variant on one task. `verdict` is `evalkit compare`'s of the primary metric, variant less full model;
    `adjusted` its p after Holm's correction over all variants and tasks. `divergence` and `next_token` are in nats."""

    pair: PairedTask
    metric: str
    verdict: GateVerdict
    adjusted: float = math.nan
    flips: Flips | None = None
    changed: Estimate | None = None
    divergence: Estimate | None = None
    next_token: Estimate | None = None
    ratio: tuple[str, Estimate] | None = None
    notes: tuple[str, ...] = ()

    @property
    def task(self) -> str:
        return self.pair.name

    @property
    def toy(self) -> bool:
        return self.pair.toy

    @property
    def scale(self) -> str:
        return self.pair.candidate.columns[self.metric].scale

    @property
    def higher_is_better(self) -> bool:
        return self.pair.candidate.columns[self.metric].higher_is_better

    @property
    def p_value(self) -> float:
        """That of `evalkit compare` and of gates."""
        return self.verdict.p_value

    @property
    def counts(self) -> bool:
        """Whether it can be in the mean over tasks: a proportion where more is better, that is a mean of samples."""
        column = self.pair.candidate.columns[self.metric]
        known = math.isfinite(self.verdict.low) and math.isfinite(self.verdict.high)
        return column.scale == "proportion" and column.higher_is_better and is_mean(column) and known


@dataclass(frozen=True, slots=True)
class Overall:
    """All tasks with equal weights; each None where no task has it. The intervals are put together from the tasks' own
    (MOVER, `stats/combined.py`), of perplexity ratios on logarithms: their geometric mean."""

    tasks: int = 0
    difference: Estimate | None = None
    p_value: float = math.nan
    adjusted: float = math.nan
    flips: Estimate | None = None
    changed: Estimate | None = None
    divergence: Estimate | None = None
    ratio: Estimate | None = None


@dataclass(slots=True)
class Variant:
    """One variant. `problem` says in a sentence why it has no result here."""

    name: str
    run: Readable | None = None
    problem: str = ""
    cost: VariantCost = field(default_factory=VariantCost)
    shifts: list[Shift] = field(default_factory=list)
    overall: Overall = field(default_factory=Overall)
    left_out: list[str] = field(default_factory=list)


def compare_variants(full: VariantInfo, others: Sequence[tuple[str, VariantInfo | str]]) -> list[Variant]:
    """Every variant against the full model on the tasks they share. Of a variant that could not run, its problem.

    p-values are corrected by Holm's method over all variants and tasks, and over variants for the overall ones.
    """
    primary_metrics = {name: side.primary_metric for name, side in full.sides.items()}
    before = _said(full, primary_metrics)
    found = []
    for name, told in others:
        if isinstance(told, str):
            found.append(Variant(name, problem=told))
            continue
        pairs, only_full, only_variant = pair_tasks(full.sides, told.sides)
        after = _said(told, {side: told.sides[side].primary_metric for side in told.sides})
        shifts = [shift for pair in pairs if pair.ids and (shift := _shift(pair, before, after)) is not None]
        left = [f"{task}: not asked of {name}" for task in only_full]
        left += [f"{task}: asked of {name} alone" for task in only_variant]
        compared = {shift.task for shift in shifts}
        left += [f"{pair.name}: nothing to compare" for pair in pairs if pair.name not in compared]
        found.append(Variant(name, told.run, "", cost_of(told.run), shifts, _overall(shifts), left))
    _correct(found)
    return found


def cost_of(run: Readable | None) -> VariantCost:
    """What was measured while that run was made."""
    return VariantCost.of(run.manifest.model.get("measured") or {}) if run is not None else VariantCost()


def _said(told: VariantInfo, primary_metrics: dict[str, str]) -> dict[Key, Answers]:
    return answers_of(told.run.records(), primary_metrics) if told.run is not None else {}


def _shift(pair: PairedTask, before: dict[Key, Answers], after: dict[Key, Answers]) -> Shift | None:
    metric = pair.primary_metric
    if not metric:
        return None
    try:
        verdict = difference(pair, metric, CONFIDENCE)
    except UsageError:  # neither task is there to compute what is not a mean
        return None
    return Shift(
        pair,
        metric,
        verdict,
        flips=flips_of(pair, metric),
        changed=changed_of(pair, before, after),
        divergence=choice_divergence(pair, before, after),
        next_token=next_token_divergence(pair, before, after),
        ratio=perplexity_ratio(pair),
        notes=tuple(finding.words() for finding in findings(pair) if finding.level != "note"),
    )


# ---------------------------------------------------------------- all tasks of a variant


def _overall(shifts: Sequence[Shift]) -> Overall:
    counted = [shift for shift in shifts if shift.counts]
    ratios = [shift.ratio[1] for shift in shifts if shift.ratio]
    whole = _mean([_estimate(shift.verdict) for shift in counted])
    return Overall(
        len(counted),
        whole,
        _inverted(counted) if whole is not None else math.nan,
        flips=_mean([shift.flips.both for shift in shifts if shift.flips]),
        changed=_mean([shift.changed for shift in shifts if shift.changed]),
        divergence=_mean([shift.divergence for shift in shifts if shift.divergence]),
        ratio=_carried(_mean([_carried(ratio, math.log) for ratio in ratios if ratio.low > 0.0]), math.exp),
    )


def _estimate(verdict: GateVerdict, confidence: float = CONFIDENCE) -> Estimate:
    return Estimate(verdict.difference, verdict.low, verdict.high, verdict.n, verdict.how, confidence)


def _mean(parts: Sequence[Estimate | None]) -> Estimate | None:
    from evalkit.stats import combined_interval

    known = [part for part in parts if part is not None and math.isfinite(part.low) and math.isfinite(part.high)]
    return combined_interval(known, [1.0] * len(known)) if known else None


def _carried(found: Estimate | None, change: Any) -> Estimate | None:
    if found is None:
        return None
    return replace(found, value=change(found.value), low=change(found.low), high=change(found.high))


def _inverted(counted: Sequence[Shift]) -> float:
    """The p of no difference over all tasks: the least α whose interval of confidence 1 - α leaves zero out."""
    if len(counted) == 1:
        return counted[0].p_value

    def leaves_zero_out(alpha: float) -> bool:
        parts = [_estimate(difference(s.pair, s.metric, 1.0 - alpha), 1.0 - alpha) for s in counted]
        whole = _mean(parts)
        return whole is not None and (whole.low > 0.0 or whole.high < 0.0)

    low, high = _SMALLEST, 1.0 - 1e-9
    if leaves_zero_out(low):
        return low
    if not leaves_zero_out(high):
        return 1.0
    while high / low > 1.005:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if leaves_zero_out(middle) else (middle, high)
    return high


def _correct(variants: Sequence[Variant]) -> None:
    """Holm over every variant and task, and over the variants' overall differences."""
    from evalkit.stats.multiple import holm

    every = [shift for variant in variants for shift in variant.shifts]
    adjusted = iter(holm([_usable(shift.p_value) for shift in every]))
    for variant in variants:
        variant.shifts = [
            replace(shift, adjusted=p if math.isfinite(shift.p_value) else math.nan)
            for shift, p in zip(variant.shifts, adjusted, strict=False)
        ]
    whole = [variant for variant in variants if math.isfinite(variant.overall.p_value)]
    for variant, p in zip(whole, holm([variant.overall.p_value for variant in whole]), strict=True):
        variant.overall = replace(variant.overall, adjusted=p)


def _usable(p: float) -> float:
    return p if math.isfinite(p) else 1.0
