"""What a suite comes to: the weighted mean of its members' metrics, whole and by category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.core import Member, Metric, Suite, Task, UsageError
from evalkit.core.spec import unknown
from evalkit.runs.runner.collect import metrics_of
from evalkit.runs.store import Manifest, MetricResult, SuiteEntry, SuiteMember

if TYPE_CHECKING:
    from evalkit.stats.combined import Combined

Loaded = tuple[Member, str, Task | None]
"""A member, its name in the run, and its task; None where it is a suite, which is made before."""


def suite_entry(suite: Suite, members: Sequence[Loaded], inner: Mapping[str, SuiteEntry]) -> SuiteEntry:
    """The suite as a manifest keeps it; `inner` are the suites among its members.

    Raises UsageError for a metric that the task does not have, and for metrics that do not average to one number.
    """
    entry = SuiteEntry(suite.name, suite.average, metrics=list(suite.metrics))
    for member, name, task in members:
        metrics: tuple[str, ...] = ()
        if task is not None:
            metrics = member.metrics or suite.metrics[:1] or (task.primary_metric or _first(task),)
        elif member.metrics:
            raise UsageError(f"{name} of {suite.name!r} is a suite itself", fix="name the metrics of its members")
        entry.members.append(
            SuiteMember(name, list(metrics), member.weight, member.category, member.floor, suite=task is None)
        )
    for number in range(max(1, len(suite.metrics))):
        named = [
            (one.task, task, one.metrics if number == 0 else [suite.metrics[number]])
            for one, (_, _, task) in zip(entry.members, members, strict=True)
        ]
        _check_alike(suite.name, named, bounded=any(one.floor for one in entry.members))
        _check_inner(entry, number, inner)
    return entry


def _first(task: Task) -> str:
    return next((metric.name for metric in metrics_of(task)), "")


def _check_alike(suite: str, named: Sequence[tuple[str, Task | None, Sequence[str]]], *, bounded: bool) -> None:
    """Proportions of right answers average with each other; numbers of a scale of their own do where all are one
    metric of one direction, as BLEU over several languages."""
    found: list[tuple[str, Metric]] = []
    for name, task, wanted in named:
        metrics = {metric.name: metric for metric in metrics_of(task)} if task is not None else {}
        for metric in wanted if task is not None else ():
            if metric not in metrics:
                raise unknown(f"metric of {name} in the suite {suite!r}", metric, metrics)
            found.append((name, metrics[metric]))
    nested = any(task is None for _, task, _ in named)
    kinds = {(one.name if one.scale == "number" else "", one.higher_is_better) for _, one in found}
    for name, one in found:
        plain = one.scale == "proportion" and one.higher_is_better
        if not plain and (len(kinds) > 1 or nested or bounded):
            options = [m.name for m in metrics_of(_task(named, name)) if m.scale == "proportion" and m.higher_is_better]
            raise UsageError(
                f"{one.name} of {name} is not a proportion of right answers: the suite {suite!r} cannot average it",
                fix=f"metric: one of {', '.join(options)}" if options else "average it with the same metric alone",
            )


def _task(named: Sequence[tuple[str, Task | None, Sequence[str]]], wanted: str) -> Task:
    return next(task for name, task, _ in named if name == wanted and task is not None)


def _check_inner(entry: SuiteEntry, number: int, inner: Mapping[str, SuiteEntry]) -> None:
    """A suite within another has a mean of each further metric that the outer one has."""
    for member in entry.members:
        if member.suite and number and entry.metrics[number] not in inner[member.task].metrics[1:]:
            wanted = entry.metrics[number]
            fix = f"metric: [{', '.join(entry.metrics)}] in {member.task}"
            raise UsageError(f"the suite {member.task!r} in {entry.name!r} has no mean of {wanted}", fix=fix)


@dataclass(frozen=True, slots=True)
class _Means:
    """The means of a run's suites, from its tasks' results. `questions` names the data of each task, so that tasks
    over the same are told."""

    plan: Manifest
    results: Mapping[str, MetricResult]
    questions: Mapping[str, str]

    def of(self, suite: SuiteEntry, metric: str = "", category: str | None = None) -> Combined | None:
        """The mean of its members, of one further metric where that is named; None where a result is missing."""
        from evalkit.stats.combined import above_chance, combine

        members = [one for one in suite.members if category is None or one.category == category]
        found = [self._member(member, metric) for member in members]
        parts = [above_chance(one, m.floor) for one, m in zip(found, members, strict=True) if one is not None]
        if len(parts) < len(members) or not parts:
            return None
        by_size = suite.average == "samples"
        weights = [m.weight * (one.n if by_size else 1) for m, one in zip(members, parts, strict=True)]
        return combine(parts, weights) if sum(weights) else None

    def _member(self, member: SuiteMember, metric: str) -> Combined | None:
        from dataclasses import replace

        from evalkit.stats.combined import combine, part

        if member.suite:
            return self.of(next(one for one in self.plan.suites if one.name == member.task), metric)
        found = [self.results.get(f"{member.task}\n{name}") for name in ([metric] if metric else member.metrics)]
        known = [one for one in found if one is not None]
        if len(known) < len(found):
            return None
        asked = self.questions.get(member.task, member.task)
        # Several metrics of one task rest on the same samples: they are one part of as many.
        parts = [part(one.estimate, asked) for one in known]
        return replace(combine(parts, [1.0] * len(parts)), n=parts[0].n, parts=1)

    def first(self, suite: SuiteEntry) -> tuple[str, bool]:
        """The scale of its mean and whether higher is better: those of its first metric."""
        member = suite.members[0]
        if member.suite:
            return self.first(next(one for one in self.plan.suites if one.name == member.task))
        known = self.results.get(f"{member.task}\n{member.metrics[0]}")
        return (known.scale, known.higher_is_better) if known is not None else ("proportion", True)


def summarise(plan: Manifest) -> None:
    """Estimate every suite of a run whose members all have a result; one that has not stays without."""
    results = {
        f"{entry.name}\n{metric.name}": metric
        for entry in plan.tasks
        if entry.result is not None
        for metric in entry.result.metrics
    }
    questions = {entry.name: entry.identity["data"] for entry in plan.tasks if entry.identity.get("data")}
    means = _Means(plan, results, questions)
    for suite in plan.suites:
        scale, higher = means.first(suite)

        def told(name: str, found: Combined | None, *, scale: str = scale, higher: bool = higher) -> list[MetricResult]:
            return [MetricResult(name, found.estimate, higher, scale)] if found is not None else []

        name = "normalised_mean" if is_normalised(plan, suite) else "mean"
        suite.result = next(iter(told(name, means.of(suite))), None)
        suite.also = [one for metric in suite.metrics[1:] for one in told(metric, means.of(suite, metric))]
        suite.categories = {
            category: one
            for category in dict.fromkeys(member.category for member in suite.members if member.category)
            for one in told(name, means.of(suite, category=category))
        }


def is_normalised(plan: Manifest, suite: SuiteEntry) -> bool:
    """Whether a member, or one of a suite within it, counts above a floor."""
    inner = {one.name: one for one in plan.suites}
    return any(m.floor > 0.0 or (m.suite and is_normalised(plan, inner[m.task])) for m in suite.members)
