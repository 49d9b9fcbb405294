"""Pairs of tasks and a policy to rows with verdicts, with Holm's correction for everything that may fail."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalkit.comparing.gates.decide import decide, decide_statistic
from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.outcomes import GateOutcome, GateVerdict, Pairs
from evalkit.comparing.gates.policy import Policy
from evalkit.comparing.gates.report import GateRow
from evalkit.comparing.pairing import PairedTask, PairedValues, is_mean, rows_of, values_of
from evalkit.core import UsageError, Validity

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

_SEED = 20240611


@dataclass(frozen=True, slots=True)
class _Question:
    """One row before it is decided: `decide` takes limits, so that a correction can ask again more strictly."""

    row: Callable[[GateVerdict], GateRow]
    decide: Callable[[GateLimits], GateVerdict]
    limits: GateLimits


def assess(pairs: Sequence[PairedTask], policy: Policy) -> list[GateRow]:
    """A row for every task's gated metric, every slice and every ceiling of the policy.

    "Every task is non-inferior" needs no correction: each is decided at the policy's confidence (Berger 1982).
    "Something regressed" takes Holm's over all rows: what fails alone and not after the correction is INCONCLUSIVE.
    Raises UsageError for a metric or slice that a task has not.
    """
    questions: list[_Question] = []
    for paired in pairs:
        questions += _questions(paired, policy)
    verdicts = [question.decide(question.limits) for question in questions]
    verdicts = _corrected(questions, verdicts)
    rows = [question.row(verdict) for question, verdict in zip(questions, verdicts, strict=True)]
    if policy.degraded_blocks:
        rows = _blocking(rows, questions)
    invalid = [row for paired in pairs if (row := _invalid(paired, policy)) is not None]
    return [*rows, *invalid]


def difference(paired: PairedTask, metric: str, confidence: float, places: IntArray | None = None) -> GateVerdict:
    """The paired difference in a metric with its two-sided interval, without a margin; for `evalkit compare`."""
    return _decider(paired, metric, places, strict=False)(GateLimits(0.0, (1.0 + confidence) / 2.0))


def flips(paired: PairedTask, metric: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(ids that got worse, ids that got better), each with the largest change first.

    For a metric with several numbers a sample (a perplexity) it is its estimate for the sample alone that counts.
    """
    values = _singles(paired, metric)
    sign = 1.0 if paired.candidate.columns[metric].higher_is_better else -1.0
    changes = sign * (values.candidate - values.baseline)
    order = sorted(range(len(changes)), key=lambda place: -abs(float(changes[place])))
    ids = [paired.ids[int(place)] for place in values.places]
    worse = tuple(ids[place] for place in order if changes[place] < 0.0)
    return worse, tuple(ids[place] for place in order if changes[place] > 0.0)


def row_of(
    paired: PairedTask,
    metric: str,
    verdict: GateVerdict,
    changed: tuple[tuple[str, ...], tuple[str, ...]] = ((), ()),
    *,
    part: str = "",
    blocks: bool = False,
    errored: int = 0,
) -> GateRow:
    """The row of one metric of a task, or of a part of it; `changed` is what `flips` found there."""
    column = paired.candidate.columns[metric]
    return GateRow(
        paired.name,
        metric,
        verdict,
        "slice" if part else "score",
        part,
        column.scale,
        column.higher_is_better,
        *changed,
        blocks=blocks,
        errored=errored,
    )


# ---------------------------------------------------------------- what is asked


def _questions(paired: PairedTask, policy: Policy) -> list[_Question]:
    own = policy.of(paired.name)
    metric = own.metric or paired.primary_metric
    if metric not in paired.metrics:
        raise UsageError(
            f"task {paired.name!r} has no metric {metric or 'that both sides know'!r}", found=", ".join(paired.metrics)
        )
    changed = flips(paired, metric)
    found = [_scored(paired, metric, policy, changed)]
    groups = paired.groups() if own.slices else {}
    for name, margin in own.slices.items():
        if name not in groups:
            raise UsageError(f"task {paired.name!r} has no slice {name!r}", found=", ".join(groups) or "no groups")
        question = _scored(paired, metric, policy, changed, name, groups[name])
        if margin is not None:
            question = replace(question, limits=replace(question.limits, margin=_units(paired, metric, margin)))
        found.append(question)
    return [*found, *_ceilings(paired, policy)]


def _scored(
    paired: PairedTask,
    metric: str,
    policy: Policy,
    changed: tuple[tuple[str, ...], tuple[str, ...]],
    part: str = "",
    places: IntArray | None = None,
) -> _Question:
    column = paired.candidate.columns[metric]
    judge = _decider(paired, metric, places)
    limits = policy.limits(paired.name, column.scale, _baseline_value(paired, metric))
    if limits.zero_tolerance and not is_mean(column):
        raise UsageError(
            f"zero tolerance looks at single samples; {metric} of {paired.name!r} is no mean of them", at=policy.origin
        )
    worse, better = changed
    if places is not None:
        inside = {paired.ids[int(place)] for place in places}
        worse, better = (tuple(i for i in ids if i in inside) for ids in (worse, better))
    errored = _errored(paired, metric)

    def row(verdict: GateVerdict) -> GateRow:
        return row_of(paired, metric, verdict, (worse, better), part=part, errored=errored)

    return _Question(row, judge, limits)


def _units(paired: PairedTask, metric: str, margin: object) -> float:
    from evalkit.comparing.gates.policy import Margin

    assert isinstance(margin, Margin)
    return margin.units(paired.candidate.columns[metric].scale, _baseline_value(paired, metric))


def _decider(
    paired: PairedTask, metric: str, places: IntArray | None, *, strict: bool = True
) -> Callable[[GateLimits], GateVerdict]:
    column = paired.candidate.columns[metric]
    if is_mean(column) and column.width == 1 and is_mean(paired.baseline.columns[metric]):
        values = values_of(paired, metric)
        pairs = _pairs(values, column.higher_is_better, places)
        return lambda limits: decide(pairs, limits, strict=strict)
    estimate = column.estimate or paired.baseline.columns[metric].estimate
    if estimate is None:
        raise UsageError(
            f"{paired.name}: {metric} is no mean of samples, and neither run's task is there to compute it",
            fix="run the gate where the task's file is, or gate another metric",
        )
    rows = rows_of(_cut(paired, places), metric)
    return lambda limits: decide_statistic(
        rows.baseline,
        rows.candidate,
        rows.clusters,
        estimate,
        limits,
        higher_is_better=column.higher_is_better,
        seed=_SEED,
    )


def _pairs(values: PairedValues, higher_is_better: bool, places: IntArray | None) -> Pairs:
    import numpy as np

    keep = np.ones(len(values.places), bool) if places is None else np.isin(values.places, places)
    clusters = None if values.clusters is None else values.clusters[keep]
    return Pairs(values.baseline[keep], values.candidate[keep], clusters, values.repeats, higher_is_better)


def _cut(paired: PairedTask, places: IntArray | None) -> PairedTask:
    if places is None:
        return paired
    kept = [int(place) for place in places]
    return replace(
        paired,
        ids=[paired.ids[place] for place in kept],
        left=[paired.left[place] for place in kept],
        right=[paired.right[place] for place in kept],
        known={},
    )


def _baseline_value(paired: PairedTask, metric: str) -> float:
    import numpy as np

    column = paired.candidate.columns[metric]
    rows = paired.baseline.columns[metric].rows
    rows = rows[np.isfinite(rows).all(axis=1)]
    if not len(rows):
        return math.nan
    if column.width == 1 and is_mean(column):
        return float(rows[:, 0].mean())
    return column.value_of(rows)


def _errored(paired: PairedTask, metric: str) -> int:
    column = paired.candidate.columns[metric]
    return values_of(paired, metric).errored if column.width == 1 else rows_of(paired, metric).errored


def _singles(paired: PairedTask, metric: str) -> PairedValues:
    """The metric's value of every sample by itself."""
    import numpy as np

    column = paired.candidate.columns[metric]
    if column.width == 1:
        return values_of(paired, metric)
    if column.estimate is None:
        return PairedValues(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), None, False, 0)
    left, right = paired.baseline.columns[metric].rows, column.rows

    def single(rows: FloatRows, copies: list[int]) -> float:
        return column.value_of(rows[copies], one_sample=True)

    before = np.asarray([single(left, copies) for copies in paired.left])
    after = np.asarray([single(right, copies) for copies in paired.right])
    both = np.isfinite(before) & np.isfinite(after)
    return PairedValues(np.flatnonzero(both), before[both], after[both], None, False, int((~both).sum()))


# ---------------------------------------------------------------- what a sample costs


def _ceilings(paired: PairedTask, policy: Policy) -> list[_Question]:
    return [_ceiling(paired, policy, name, rise) for name, rise in policy.ceilings.items()]


def _ceiling(paired: PairedTask, policy: Policy, name: str, rise: float) -> _Question:
    """Non-inferiority of what a sample costs: the margin is the allowed rise times the baseline's mean."""
    import numpy as np

    before, after = _costs(paired, name)
    both = np.isfinite(before) & np.isfinite(after)
    if not both.any():
        raise UsageError(f"task {paired.name!r}: the runs do not say what a sample took in {name}")
    before, after = before[both], after[both]
    confidence = policy.limits(paired.name, "number", 0.0).confidence
    limits = GateLimits(rise * float(before.mean()), confidence)
    pairs = Pairs(before, after, higher_is_better=False)
    lost = int((~both).sum())

    def row(verdict: GateVerdict) -> GateRow:
        shown = replace(verdict, mcnemar_p=None)
        return GateRow(
            paired.name, f"{name} per sample", shown, "ceiling", "", "number", higher_is_better=False, errored=lost
        )

    return _Question(row, lambda asked: decide(pairs, asked), limits)


def _costs(paired: PairedTask, name: str) -> tuple[FloatRows, FloatRows]:
    import numpy as np

    def one(costs: dict[str, FloatRows], places: list[list[int]]) -> FloatRows:
        if name == "tokens":
            whole = costs.get("prompt_tokens", np.zeros(0)) + costs.get("completion_tokens", np.zeros(0))
        else:
            whole = costs.get(name, np.zeros(0))
        if len(whole) == 0:
            return np.full(len(places), math.nan)
        if len(whole) == 1:  # a baseline file keeps the mean alone
            return np.full(len(places), float(whole[0]))
        return np.asarray([float(np.mean(whole[copies])) for copies in places])

    return one(paired.baseline.costs, paired.left), one(paired.candidate.costs, paired.right)


def _invalid(paired: PairedTask, policy: Policy) -> GateRow | None:
    """The proportion of replies without a valid answer, held against its ceiling as it stands."""
    most = policy.invalid_proportion
    if most is None:
        return None
    proportions = []
    for side in (paired.baseline, paired.candidate):
        measured = [Validity(value) for value in side.validity if not Validity(value).is_measurement_failure]
        proportions.append(sum(value is not Validity.OK for value in measured) / max(1, len(measured)))
    over = proportions[1] > most
    reason = f"{100 * proportions[1]:.1f} % of the replies are invalid; {100 * most:g} % are allowed"
    verdict = GateVerdict(
        outcome=GateOutcome.FAIL if over else GateOutcome.PASS,
        baseline=proportions[0],
        candidate=proportions[1],
        difference=proportions[1] - proportions[0],
        low=math.nan,
        high=math.nan,
        p_value=math.nan,
        mcnemar_p=None,
        n=paired.candidate.n,
        clusters=paired.candidate.n,
        how="counted",
        needed=None,
        margin=most,
        reason=reason,
    )
    return GateRow(paired.name, "invalid replies", verdict, "ceiling", "", "proportion", higher_is_better=False)


# ---------------------------------------------------------------- several rows at once


def _corrected(questions: Sequence[_Question], verdicts: Sequence[GateVerdict]) -> list[GateVerdict]:
    """Holm's step-down over the rows that fail alone: each is asked again at α over the number still standing."""
    total = len(questions)
    failing = [
        place
        for place, (question, verdict) in enumerate(zip(questions, verdicts, strict=True))
        if verdict.outcome is GateOutcome.FAIL and not question.limits.zero_tolerance
    ]
    rejected: set[int] = set()
    while failing and total > 1:
        proportion = total - len(rejected)
        again = {place for place in failing if place in rejected or _fails_at(questions[place], proportion)}
        if again == rejected:
            break
        rejected = again
    found = list(verdicts)
    for place in failing:
        if total > 1 and place not in rejected:
            reason = f"worse than the margin by itself, but not after Holm's correction for {total} decisions"
            found[place] = replace(found[place], outcome=GateOutcome.INCONCLUSIVE, reason=reason)
    return found


def _fails_at(question: _Question, proportion: int) -> bool:
    limits = replace(question.limits, confidence=1.0 - question.limits.alpha / proportion)
    return question.decide(limits).outcome is GateOutcome.FAIL


def _blocking(rows: Sequence[GateRow], questions: Sequence[_Question]) -> list[GateRow]:
    """Mark the DEGRADED rows whose drop stays significant after Holm's correction over all rows."""
    from evalkit.stats.multiple import holm

    one_sided = [row.verdict.p_value / 2.0 if math.isfinite(row.verdict.p_value) else 1.0 for row in rows]
    adjusted = holm(one_sided)
    return [
        replace(row, blocks=True)
        if row.verdict.outcome is GateOutcome.DEGRADED and float(p) < question.limits.alpha
        else row
        for row, question, p in zip(rows, questions, adjusted, strict=True)
    ]
