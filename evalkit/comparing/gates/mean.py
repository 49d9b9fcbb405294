"""The gate on a suite's mean: one decision over all tasks, which many tasks decide where none could by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evalkit.comparing.gates.decide import decide_moments
from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.outcomes import GateVerdict, Pairs
from evalkit.comparing.gates.policy import Margin, Policy
from evalkit.comparing.gates.question import Question
from evalkit.comparing.gates.report import GateRow
from evalkit.comparing.pairing import PairedTask, values_of
from evalkit.core import UsageError
from evalkit.stats.moments import Moments, moments_of_differences

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

PairsOf = Callable[[PairedTask, str], Pairs]


def mean_question(pairs: Sequence[PairedTask], policy: Policy, margin: Margin, pairs_of: PairsOf) -> Question:
    """The question whether the weighted mean over the tasks dropped by more than `margin`.

    Every sample's difference counts by its task's weight over the task's samples; samples of several tasks that ask the
    same question are one cluster. `pairs_of` gives a task's scores. Raises UsageError for a metric that cannot be
    averaged with proportions of right answers, and for weights of tasks that there are not.
    """
    weights = policy.weights_of([paired.name for paired in pairs])
    chosen = [(paired, _metric(paired, policy)) for paired in pairs if weights[paired.name] > 0.0]
    parts = [(pairs_of(paired, metric), weights[paired.name]) for paired, metric in chosen]
    empty = [paired.name for (paired, _), (part, _) in zip(chosen, parts, strict=True) if not len(part.baseline)]
    if empty:
        raise UsageError(f"task {empty[0]!r} has no sample that both runs measured: there is no mean with it")
    keys = [_keys(paired, metric) for paired, metric in chosen]
    least, most = (_moments(parts, keys, worst=worst) for worst in (True, False))
    before = sum(weight * float(part.baseline.mean()) for part, weight in parts)
    after = sum(weight * float(part.candidate.mean()) for part, weight in parts)
    lost = sum(0 if part.lost is None else len(part.lost.places) for part, _ in parts)
    limits = GateLimits(margin.value, policy.confidence, policy.any_drop_blocks, proportion=True)

    def decided(asked: GateLimits) -> GateVerdict:
        return decide_moments(least, asked, most=most, before=before, after=after, lost=lost)

    def row(verdict: GateVerdict) -> GateRow:
        return GateRow(f"mean of {len(parts)} tasks", "mean", verdict, "mean", errored=lost)

    return Question(row, decided, limits)


def _metric(paired: PairedTask, policy: Policy) -> str:
    metric = policy.of(paired.name).metric or paired.primary_metric
    column = paired.candidate.columns.get(metric)
    if column is None or metric not in paired.baseline.columns:
        raise UsageError(f"task {paired.name!r} has no metric {metric!r}", found=", ".join(paired.metrics))
    if column.scale != "proportion" or not column.higher_is_better:
        raise UsageError(
            f"{metric} of {paired.name!r} is not a proportion of right answers: a mean over tasks cannot hold it",
            fix=f"tasks: {{{paired.name}: {{metric: …}}}}, or a weight of 0 for it",
        )
    return metric


def _keys(paired: PairedTask, metric: str) -> list[str]:
    """What each sample, then each lost one, shares with those of other tasks: its cluster, or its content."""
    values, side = values_of(paired, metric), paired.candidate
    places = [*values.places.tolist(), *(values.lost.places.tolist() if values.lost is not None else ())]
    records = [paired.right[place][0] for place in places]
    data = side.facts.get("data", side.name)
    named = [f"{data}/{side.clusters[one]}" if side.clusters[one] else side.asked[one] for one in records]
    return [name or f"{side.name}/{one}" for name, one in zip(named, records, strict=True)]


def _moments(parts: Sequence[tuple[Pairs, float]], keys: Sequence[Sequence[str]], *, worst: bool) -> Moments:
    """The moments of all differences, each scaled so that their plain mean is the weighted mean over tasks."""
    whole = [(part.completed(worst=worst), weight) for part, weight in parts]
    total = sum(len(part.baseline) for part, _ in whole)
    scales = [weight * total / len(part.baseline) for part, weight in whole]
    d: FloatRows = np.concatenate(
        [scale * (part.candidate - part.baseline) for (part, _), scale in zip(whole, scales, strict=True)]
    )
    names = [name for (part, _), own in zip(whole, keys, strict=True) for name in own[: len(part.baseline)]]
    _, numbers = np.unique(np.asarray(names, dtype=object).astype(str), return_inverse=True)
    clusters: IntArray = numbers.astype(np.int64)
    return moments_of_differences(d, clusters, (max(scales), max(scales)))
