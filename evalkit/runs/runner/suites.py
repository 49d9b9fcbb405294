"""What a suite comes to: the weighted mean of its members' metrics, whole and by category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalkit.core import Member, Suite, Task, UsageError
from evalkit.core.spec import unknown
from evalkit.runs.runner.collect import metrics_of
from evalkit.runs.store import Manifest, MetricResult, SuiteEntry, SuiteMember


def suite_entry(suite: Suite, members: Sequence[tuple[Member, str, Task]]) -> SuiteEntry:
    """The suite as a manifest keeps it; members come with their names in the run and their tasks.

    Raises UsageError for a metric that the task does not have, and for one that cannot be averaged with shares.
    """
    entry = SuiteEntry(suite.name, suite.average)
    for member, name, task in members:
        metrics = {metric.name: metric for metric in metrics_of(task)}
        wanted = member.metric or task.primary_metric or next(iter(metrics), "")
        if wanted not in metrics:
            raise unknown(f"metric of {name} in the suite {suite.name!r}", wanted, metrics)
        if metrics[wanted].scale != "proportion" or not metrics[wanted].higher_is_better:
            raise UsageError(
                f"{wanted} of {name} is no proportion of right answers: the suite {suite.name!r} cannot average it",
                fix="metric: one of " + ", ".join(m.name for m in metrics.values() if m.scale == "proportion"),
            )
        entry.members.append(SuiteMember(name, wanted, member.weight, member.category))
    return entry


def summarise(plan: Manifest) -> None:
    """Estimate every suite of a run whose members all have a result; one that has not stays without."""
    results = {entry.name: entry.result for entry in plan.tasks}
    questions = {entry.name: entry.identity["data"] for entry in plan.tasks if entry.identity.get("data")}
    for suite in plan.suites:
        found = {
            member.task: metric
            for member in suite.members
            if (result := results.get(member.task)) is not None and (metric := result.metric(member.metric)) is not None
        }
        suite.result = _mean(suite, suite.members, found, questions)
        suite.categories = {}
        for category in dict.fromkeys(member.category for member in suite.members if member.category):
            estimate = _mean(suite, [m for m in suite.members if m.category == category], found, questions)
            if estimate is not None:
                suite.categories[category] = estimate


def _mean(
    suite: SuiteEntry,
    members: Sequence[SuiteMember],
    found: Mapping[str, MetricResult],
    questions: Mapping[str, str],
) -> MetricResult | None:
    """The mean of the members; `questions` names the data of each task, so that tasks over the same are told."""
    if any(member.task not in found for member in members):
        return None
    from evalkit.stats import combined_interval  # with numpy, which most runs need only once all is answered

    parts = [found[member.task].estimate for member in members]
    by_size = suite.average == "samples"
    weights = [m.weight * (part.n if by_size else 1) for m, part in zip(members, parts, strict=True)]
    if sum(weights) == 0:
        return None
    found_of = combined_interval(parts, weights, [questions.get(member.task, member.task) for member in members])
    return MetricResult("mean", found_of, higher_is_better=True, scale="proportion")
