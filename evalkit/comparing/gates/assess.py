"""Pairs of tasks and a policy to rows with verdicts, with Holm's correction for everything that may fail."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.comparing.gates.ceilings import ceilings, invalid_replies
from evalkit.comparing.gates.correction import blocking, corrected
from evalkit.comparing.gates.decide import decide
from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.mean import mean_question
from evalkit.comparing.gates.outcomes import GateVerdict, Pairs
from evalkit.comparing.gates.policy import Policy
from evalkit.comparing.gates.question import Question
from evalkit.comparing.gates.report import GateRow
from evalkit.comparing.gates.statistic import PairedRows, Statistic, decide_statistic
from evalkit.comparing.pairing import Lost, PairedTask, PairedValues, is_mean, is_per_sample, rows_of, values_of
from evalkit.core import UsageError

if TYPE_CHECKING:
    from evalkit.core import Ends, FloatRows, IntArray

_SEED = 20240611


def assess(pairs: Sequence[PairedTask], policy: Policy) -> list[GateRow]:
    """A row for every task's gated metric, every slice and every ceiling of the policy, and for the mean over tasks.

    "Every task is non-inferior" needs no correction: each is decided at the policy's confidence (Berger 1982).
    "Something regressed" takes Holm's over all rows (`correction`): what blocks alone and not after the correction is
    INCONCLUSIVE.
    Raises UsageError for a metric or slice that a task has not.
    """
    asked = questions(pairs, policy)
    verdicts = corrected(asked, [question.decide(question.limits) for question in asked])
    rows = [question.row(verdict) for question, verdict in zip(asked, verdicts, strict=True)]
    if policy.degraded_blocks:
        rows = blocking(rows, asked)
    invalid = [row for paired in pairs if (row := invalid_replies(paired, policy)) is not None]
    return [*rows, *invalid]


def questions(pairs: Sequence[PairedTask], policy: Policy) -> list[Question]:
    """All that the policy asks of the pairs, before anything is decided. Raises what `assess` raises."""
    found = [question for paired in pairs for question in _questions(paired, policy)]
    if policy.mean is not None:
        found.append(mean_question(pairs, policy, policy.mean, pairs_of))
    return found


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


def _questions(paired: PairedTask, policy: Policy) -> list[Question]:
    if not policy.is_decided_alone(paired.name):
        return ceilings(paired, policy)
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
    return [*found, *ceilings(paired, policy)]


def _scored(
    paired: PairedTask,
    metric: str,
    policy: Policy,
    changed: tuple[tuple[str, ...], tuple[str, ...]],
    part: str = "",
    places: IntArray | None = None,
) -> Question:
    column = paired.candidate.columns[metric]
    judge = _decider(paired, metric, places)
    limits = policy.limits(paired.name, column.scale, baseline_value(paired, metric))
    if limits.zero_tolerance and not is_per_sample(paired, metric):
        raise UsageError(
            f"zero tolerance looks at single samples; {metric} of {paired.name!r} is not a mean of them",
            at=policy.origin,
        )
    worse, better = changed
    if places is not None:
        inside = {paired.ids[int(place)] for place in places}
        worse, better = (tuple(i for i in ids if i in inside) for ids in (worse, better))
    errored = _errored(paired, metric)

    def row(verdict: GateVerdict) -> GateRow:
        return row_of(paired, metric, verdict, (worse, better), part=part, errored=errored)

    return Question(row, judge, limits)


def _units(paired: PairedTask, metric: str, margin: object) -> float:
    from evalkit.comparing.gates.policy import Margin

    assert isinstance(margin, Margin)
    return margin.units(paired.candidate.columns[metric].scale, baseline_value(paired, metric))


def _decider(
    paired: PairedTask, metric: str, places: IntArray | None, *, strict: bool = True
) -> Callable[[GateLimits], GateVerdict]:
    column = paired.candidate.columns[metric]
    if is_per_sample(paired, metric):
        pairs = pairs_of(paired, metric, places)
        return lambda limits: decide(pairs, limits, strict=strict)
    # A baseline file knows rows alone: its column then says what a column says by default.
    known = column if column.estimate is not None else paired.baseline.columns[metric]
    if known.estimate is None:
        raise UsageError(
            f"{paired.name}: {metric} is not a mean of samples, and neither run's task is there to compute it",
            fix="run the gate where the task's file is, or gate another metric",
        )
    found = rows_of(_cut(paired, places), metric)
    rows = PairedRows(found.baseline, found.candidate, found.clusters, found.errored)
    statistic = Statistic(
        known.estimate, column.higher_is_better, ends_of(paired, metric), known.jackknife, known.weighed_by
    )
    return lambda limits: decide_statistic(rows, statistic, limits, seed=_SEED, strict=strict)


def pairs_of(paired: PairedTask, metric: str, places: IntArray | None = None) -> Pairs:
    """The values of a metric with one value a sample, of all of a task's samples or of those at `places`."""
    import numpy as np

    values, column = values_of(paired, metric), paired.candidate.columns[metric]
    keep = np.ones(len(values.places), bool) if places is None else np.isin(values.places, places)
    clusters = None if values.clusters is None else values.clusters[keep]
    lost = values.lost
    if lost is not None and places is not None:
        inside = np.isin(lost.places, places)
        own = None if lost.clusters is None else lost.clusters[inside]
        kept = Lost(lost.places[inside], lost.baseline[inside], lost.candidate[inside], own)
        lost = kept if inside.any() else None
    return Pairs(
        values.baseline[keep],
        values.candidate[keep],
        clusters,
        values.repeats,
        column.higher_is_better,
        ends_of(paired, metric),
        lost,
    )


def ends_of(paired: PairedTask, metric: str) -> Ends:
    """The least and the largest value that either side knows the metric to have; none where a value lies beyond."""
    import numpy as np

    columns = (paired.candidate.columns[metric], paired.baseline.columns[metric])
    ends = next((column.ends for column in columns if column.ends != (None, None)), (None, None))
    lowest, highest = ends
    if any(column.width > 1 for column in columns) or lowest is None or highest is None:
        return ends
    seen = np.concatenate([column.rows[:, 0] for column in columns])
    seen = seen[np.isfinite(seen)]
    inside = not len(seen) or (float(seen.min()) >= lowest and float(seen.max()) <= highest)
    return ends if inside else (None, None)


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


def baseline_value(paired: PairedTask, metric: str) -> float:
    """The metric over all samples of the baseline, which relative margins are a part of."""
    import numpy as np

    column = paired.candidate.columns[metric]
    rows = paired.baseline.columns[metric].rows
    rows = rows[np.isfinite(rows).all(axis=1)]
    if not len(rows):
        return math.nan
    if column.width == 1 and is_mean(column):
        return float(rows[:, 0].mean())
    if column.estimate is None and paired.baseline.columns[metric].estimate is not None:
        column = paired.baseline.columns[metric]
    return column.value_of(rows)


def _errored(paired: PairedTask, metric: str) -> int:
    whole = values_of(paired, metric) if is_per_sample(paired, metric) else rows_of(paired, metric)
    return whole.errored


def _singles(paired: PairedTask, metric: str) -> PairedValues:
    """The metric's value of every sample by itself."""
    import numpy as np

    column = paired.candidate.columns[metric]
    if column.width == 1 or is_per_sample(paired, metric):
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
