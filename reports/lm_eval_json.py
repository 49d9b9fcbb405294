"""One run as the results file that lm-evaluation-harness writes, for tools that read those."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from evalkit import Run
from evalkit.core import UsageError
from evalkit.runs.store import TaskEntry

META = {
    "name": "lm_eval_json",
    "summary": "a run as lm-evaluation-harness's results JSON (acc,none and acc_stderr,none)",
    "tags": ["json", "lm-eval"],
}


def report(runs: Sequence[Run], /) -> str:
    """The results of exactly one run. A standard error stands beside metrics that are means of scores; others have
    "N/A", as in lm-eval's own files."""
    if len(runs) != 1:
        raise UsageError("lm-eval's results file holds one model", found=f"{len(runs)} runs", fix="name one run folder")
    (run,) = runs
    entries = [entry for entry in run.manifest.tasks if entry.result]
    errors = _errors(run)
    whole = {
        "results": {entry.name: _results(entry, errors) for entry in entries},
        "group_subtasks": {entry.name: [] for entry in entries},
        "configs": {entry.name: {"task": entry.name, "metadata": entry.identity} for entry in entries},
        "versions": {entry.name: entry.identity.get("version", "") for entry in entries},
        "n-shot": {entry.name: _shots(entry) for entry in entries},
        "higher_is_better": {
            entry.name: {metric.name: metric.higher_is_better for metric in entry.result.metrics}
            for entry in entries
            if entry.result
        },
        "n-samples": {
            entry.name: {"original": entry.total, "effective": entry.result.samples}
            for entry in entries
            if entry.result
        },
        "config": {"model": run.model, "model_args": run.manifest.model.get("facts", {}), **run.manifest.settings},
        "date": datetime.fromisoformat(run.manifest.created).timestamp(),
        "model_name": run.model,
        "evalkit": {"version": run.manifest.evalkit, "run": str(run.folder)},
    }
    return json.dumps(whole, indent=2, ensure_ascii=False, default=str) + "\n"


def _results(entry: TaskEntry, errors: dict[tuple[str, str], tuple[float, float]]) -> dict[str, Any]:
    found: dict[str, Any] = {"alias": entry.name}
    assert entry.result is not None
    for metric in entry.result.metrics:
        value = metric.estimate.value
        mean, error = errors.get((entry.name, metric.name), (math.nan, math.nan))
        known = math.isclose(mean, value, rel_tol=1e-9, abs_tol=1e-12) and math.isfinite(error)
        found[f"{metric.name},none"] = value if math.isfinite(value) else None
        found[f"{metric.name}_stderr,none"] = error if known else "N/A"
    return found


def _errors(run: Run) -> dict[tuple[str, str], tuple[float, float]]:
    """(mean, SD(n-1)/√n) of every score by (task, name), in one pass (Welford)."""
    sums: dict[tuple[str, str], tuple[int, float, float]] = {}
    for record in run.records():
        if record.validity.is_measurement_failure:
            continue
        for score in record.scores:
            if math.isfinite(score.value):
                n, mean, squares = sums.get((record.task, score.name), (0, 0.0, 0.0))
                gap = score.value - mean
                mean += gap / (n + 1)
                sums[record.task, score.name] = n + 1, mean, squares + gap * (score.value - mean)
    return {
        key: (mean, math.sqrt(squares / (n - 1) / n) if n > 1 else math.nan) for key, (n, mean, squares) in sums.items()
    }


def _shots(entry: TaskEntry) -> int:
    text = entry.identity.get("few-shot", "0-shot").partition("-")[0]
    return int(text) if text.isdigit() else 0
