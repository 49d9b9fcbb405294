"""Runs as the model index of a model card: what the hub shows of a model's results."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from evalkit import Run
from evalkit.core import UsageError
from evalkit.runs.store import MetricResult, TaskEntry

META = {
    "name": "hub",
    "summary": "results as the model-index of a model card (YAML between two lines of ---)",
    "tags": ["yaml", "hub"],
}


def report(runs: Sequence[Run], /) -> str:
    """The results of runs of one model. Each metric has its interval and number of samples among its arguments."""
    models = sorted({run.model for run in runs})
    if len(models) != 1:
        raise UsageError("a model card is of one model", found=", ".join(models) or "no run", fix="name its runs alone")
    results = [_result(run, entry) for run in runs for entry in run.manifest.tasks if entry.result]
    card = [{"name": models[0].rpartition("/")[2] or models[0], "results": results}]
    # JSON is YAML, too.
    return f"---\nmodel-index: {json.dumps(card, indent=2, ensure_ascii=False)}\n---\n"


def _result(run: Run, entry: TaskEntry) -> dict[str, Any]:
    assert entry.result is not None
    return {
        "task": {"type": "text-generation", "name": "Text Generation"},
        "dataset": _dataset(entry),
        "metrics": [_metric(one) for one in entry.result.metrics if math.isfinite(one.estimate.value)],
        "source": {"name": f"evalkit {run.manifest.evalkit}", "url": "https://huggingface.co/docs/hub/model-cards"},
    }


def _dataset(entry: TaskEntry) -> dict[str, Any]:
    """The data set by its id on the hub where it has one, else by the task's name."""
    facts = entry.data[0] if entry.data else {}
    found = {"name": entry.name, "type": facts.get("hub") or entry.name}
    for key, fact in (("config", "config"), ("split", "split"), ("revision", "commit")):
        if facts.get(fact) and len(entry.data) == 1:
            found[key] = facts[fact]
    shots = entry.identity.get("few-shot", "")
    return {**found, **({"args": {"few-shot": shots}} if shots else {})}


def _metric(found: MetricResult) -> dict[str, Any]:
    estimate = found.estimate
    interval = {"low": estimate.low, "high": estimate.high} if math.isfinite(estimate.low) else {}
    return {
        "type": found.name.partition(",")[0],
        "name": found.name,
        "value": estimate.value,
        "args": {"n": estimate.n, "confidence": estimate.confidence, **interval},
    }
