"""Runs and samples as JSON for programs: the keys of docs/reference/json.md."""

from __future__ import annotations

from typing import Any

from evalkit.core import Record
from evalkit.runs.store import MetricResult, Run, TaskEntry

__all__ = ["record_json", "run_json"]


def run_json(run: Run, only: str | None = None) -> dict[str, Any]:
    """A run's scores with their intervals; of one task where it is named. Raises UsageError for an unknown one."""
    entries = run.manifest.tasks if only is None else [run.manifest.task(only)]
    return {
        "folder": str(run.folder),
        "model": run.model,
        "status": run.manifest.status,
        "created": run.manifest.created,
        "failed": run.failed,
        "tasks": [_task(entry) for entry in entries],
        "suites": [] if only else [_suite(suite) for suite in run.manifest.suites],
    }


def _task(entry: TaskEntry) -> dict[str, Any]:
    result = entry.result
    if result is None:
        return {"task": entry.name, "finished": False}
    return {
        "task": entry.name,
        "finished": True,
        "signature": result.signature,
        "primary_metric": result.primary_metric,
        "metrics": [_metric(metric) for metric in result.metrics],
        "over_samples": {kind: [_metric(metric) for metric in found] for kind, found in result.curves.items()},
        "groups": {name: [_metric(metric) for metric in found] for name, found in result.groups.items()},
        "samples": result.samples,
        "failed": result.failed,
        "cached": result.cached,
        "outcomes": dict(result.counts),
        "flags": dict(result.flags),
        "prompt_tokens": result.prompt_tokens,
        "completion_tokens": result.completion_tokens,
        "reasoning_tokens": result.reasoning_tokens,
        "seconds": result.seconds,
        "cost": result.cost,
    }


def _suite(suite: Any) -> dict[str, Any]:
    means = {name: _metric(mean) for name, mean in suite.means.items() if mean is not None}
    return {"suite": suite.name, "average": suite.average, "means": means}


def _metric(metric: MetricResult) -> dict[str, Any]:
    estimate = metric.estimate
    return {
        "metric": metric.name,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "confidence": estimate.confidence,
        "how": estimate.how,
        "scale": metric.scale,
        "higher_is_better": metric.higher_is_better,
    }


def record_json(record: Record) -> dict[str, Any]:
    """A sample with its prompt, replies and scores."""
    failure = record.failure
    return {
        "task": record.task,
        "id": record.sample.id,
        "repeat": record.repeat,
        "outcome": record.validity.value,
        "prompt": record.prompt.text if record.prompt is not None else "",
        "targets": list(record.sample.targets),
        "replies": [text for reply in record.replies for text in reply.texts],
        "thoughts": [text for reply in record.replies for text in reply.reasoning],
        "loglikelihoods": [value for reply in record.replies for value in reply.loglikelihoods],
        "scores": [
            {"score": one.name, "value": one.value, "answer": one.answer, "reason": one.reason} for one in record.scores
        ],
        "failure": None
        if failure is None
        else {"stage": failure.stage, "kind": failure.kind, "message": failure.message},
        "flags": list(record.flags),
        "seconds": record.seconds,
    }
