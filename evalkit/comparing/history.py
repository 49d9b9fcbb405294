"""Scores over time: series of what can be compared, with their change points."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from evalkit.comparing.changes import ChangePoint, change_points, standard_error_of
from evalkit.runs.store import Run


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """Which scores: of those tasks and models (all where empty), of a metric instead of each primary metric, with the
    models of a task in one series or each in its own; `alpha` is the p at which a change is flagged."""

    tasks: Sequence[str] = ()
    models: Sequence[str] = ()
    metric: str = ""
    across_models: bool = False
    alpha: float = 0.01


@dataclass(frozen=True, slots=True)
class Point:
    """One score: when and by which run it was measured; `error` is its standard error."""

    created: str
    folder: str
    model: str
    value: float
    low: float
    high: float
    n: int
    failed: int
    error: float


@dataclass(slots=True)
class Series:
    """Scores that can be compared: one task, metric and question, and one model unless all are taken together."""

    task: str
    model: str
    metric: str
    scale: str
    higher_is_better: bool
    asked: str
    points: list[Point] = field(default_factory=list)
    changes: list[ChangePoint] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "model": self.model,
            "metric": self.metric,
            "asked": self.asked,
            "points": [
                {name: _finite(getattr(point, name)) for name in point.__slots__ if name != "error"}
                for point in self.points
            ],
            "change_points": [
                {
                    "run": self.points[change.place].folder,
                    "place": change.place,
                    "before": change.before,
                    "after": change.after,
                    "p": change.p_value,
                }
                for change in self.changes
            ],
        }


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def series_of(runs: Iterable[Run], wanted: HistoryFilter | None = None) -> list[Series]:
    """The series of those runs, by task, model and time; of other questions (data, prompt, scorers) each its own."""
    wanted = wanted or HistoryFilter()
    found: dict[tuple[str, ...], Series] = {}
    for run in runs:
        for key, series, point in _points(run, wanted):
            found.setdefault(key, series).points.append(point)
    for one in found.values():
        one.points.sort(key=lambda point: (point.created, point.folder))
        usable = [place for place, point in enumerate(one.points) if point.error > 0.0]
        changes = change_points(
            [one.points[place].value for place in usable],
            [one.points[place].error for place in usable],
            alpha=wanted.alpha,
        )
        one.changes = [replace(change, place=usable[change.place]) for change in changes]
    return sorted(found.values(), key=lambda one: (one.task, one.model, one.points[0].created))


def _points(run: Run, wanted: HistoryFilter) -> Iterable[tuple[tuple[str, ...], Series, Point]]:
    model = run.model
    if wanted.models and model not in wanted.models:
        return
    for entry in run.manifest.tasks:
        result = entry.result
        if result is None or (wanted.tasks and entry.name not in wanted.tasks):
            continue
        metric = result.metric(wanted.metric)
        if metric is None or not math.isfinite(metric.estimate.value):
            continue
        estimate = metric.estimate
        # What has to be equal for two numbers to be of one series, besides the samples and their prompts.
        asked = [entry.identity.get(key, "–") for key in ("version", "method", "method settings", "scorers", "judge")]
        digests = (result.samples_digest[:8], result.prompts_digest[:8])
        owner = "all models" if wanted.across_models else model
        key = (entry.name, owner, metric.name, *asked, *digests)
        better = metric.higher_is_better
        series = Series(
            entry.name,
            owner,
            metric.name,
            metric.scale,
            better,
            f"data {digests[0] or '–'}, prompt {digests[1] or '–'}",
        )
        yield (
            key,
            series,
            Point(
                run.manifest.created,
                str(run.folder),
                str(entry.identity.get("model", model)),
                estimate.value,
                estimate.low,
                estimate.high,
                estimate.n,
                result.failed,
                standard_error_of(estimate.low, estimate.high, estimate.confidence, estimate.n),
            ),
        )
