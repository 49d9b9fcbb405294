"""What a run says in the terms of trackers: numbers by name, what it was asked with, and its files."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from evalkit.core import digest_of
from evalkit.runs.store import MetricResult, Run

# What MLflow allows in the name of a metric on every system; W&B allows more.
_FORBIDDEN = re.compile(r"[^\w.\- ]+", re.ASCII)
_LONGEST = 250


@dataclass(frozen=True, slots=True)
class Content:
    """A run for a tracker. `metrics` are finite numbers, `params` what was asked, `tags` what tells the run apart;
    `started` and `ended` are seconds since 1970, None where the manifest does not say."""

    id: str
    name: str
    finished: bool
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    started: float | None = None
    ended: float | None = None
    files: tuple[Path, ...] = field(default=())


def content(run: Run, files: tuple[Path, ...] = ()) -> Content:
    """What is sent of a run. Every estimate is `<task>/<metric>`, with `<task>/<metric>_low`, `_high` and `_n` beside
    it; groups and suites have theirs under `groups/` and `suites/`."""
    manifest = run.manifest
    metrics: dict[str, float] = {}
    params = {"model": run.model, "tasks": ", ".join(run.tasks), "evalkit": manifest.evalkit}
    for entry in manifest.tasks:
        if entry.result is None:
            continue
        result = entry.result
        for metric in result.metrics:
            _add(metrics, (entry.name, metric.name), metric)
        for group, found in result.groups.items():
            for metric in found:
                if metric.name == result.primary_metric:
                    _put(metrics, ("groups", entry.name, group, metric.name), metric.estimate.value)
        _put(metrics, (entry.name, "samples"), float(result.samples))
        _put(metrics, (entry.name, "failed"), float(result.failed))
        _put(metrics, (entry.name, "seconds"), result.seconds)
        _put(metrics, (entry.name, "prompt_tokens"), float(result.prompt_tokens))
        _put(metrics, (entry.name, "completion_tokens"), float(result.completion_tokens))
        if result.reasoning_tokens:
            _put(metrics, (entry.name, "reasoning_tokens"), float(result.reasoning_tokens))
        if result.cost is not None:
            _put(metrics, (entry.name, "cost"), result.cost)
        params[_key("signature", entry.name)] = result.signature
    for suite in manifest.suites:
        if suite.result is not None:
            _add(metrics, ("suites", suite.name), suite.result)
    params |= {_key("setting", key): str(value) for key, value in manifest.settings.items() if value is not None}
    tags = {
        "evalkit.run": manifest.id,
        "evalkit.folder": str(run.folder.resolve()),
        "evalkit.status": manifest.status,
        "evalkit.model_digest": str(manifest.model.get("digest", "")),
    }
    return Content(
        id=digest_of(manifest.id, manifest.created, run.model),
        name=f"{run.model} {manifest.id}",
        finished=manifest.status == "finished",
        metrics=metrics,
        params=params,
        tags=tags,
        started=_seconds(manifest.created),
        ended=_seconds(manifest.finished),
        files=files,
    )


def _add(metrics: dict[str, float], name: tuple[str, str], metric: MetricResult) -> None:
    room, own = name
    estimate = metric.estimate
    _put(metrics, name, estimate.value)
    # Beside, not below: in MLflow's file store a metric is a file, which can't be a folder, too.
    for part, value in (("low", estimate.low), ("high", estimate.high), ("n", float(estimate.n))):
        _put(metrics, (room, f"{own}_{part}"), value)


def _put(metrics: dict[str, float], name: tuple[str, ...], value: float) -> None:
    if math.isfinite(value):
        metrics[_key(*name)] = value


def _key(*parts: str) -> str:
    """A name in characters that every tracker takes; where that changes it, a digest keeps two names apart."""
    plain = "/".join(_FORBIDDEN.sub("_", part).strip(" .") or "_" for part in parts)
    same = plain == "/".join(parts) and len(plain) <= _LONGEST
    return plain if same else f"{plain[: _LONGEST - 17]}_{digest_of(*parts)}"


def _seconds(stamp: str) -> float | None:
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return None
