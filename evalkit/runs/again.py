"""A few samples of a run, asked once more: the run's own settings, no cache, a folder apart from the run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from evalkit.core import UsageError
from evalkit.runs.execution import run_plan
from evalkit.runs.plan import RunPlan, plan_from_manifest
from evalkit.runs.runner import Silent
from evalkit.runs.store import Run

__all__ = ["ask_again", "can_ask_again"]


def can_ask_again(run: Run) -> bool:
    """Whether the run's tasks and model have names by which they are found again."""
    request = run.manifest.request
    named = [*request.get("tasks", [None]), *request.get("models", [None])]
    return None not in named and request.get("judge") != ""


def ask_again(run: Run, samples: Collection[str], out: Path, task: str = "") -> Run:
    """Ask the run's model the samples with these ids again, those of `task` where it is given, into the folder `out`.

    Raises UsageError where the run has no such sample, and where it was made of Python objects.
    """
    plan = plan_from_manifest(run.manifest)
    asked: dict[str, set[str]] = {}
    for record in run.records(task):
        if record.sample.id in samples:
            asked.setdefault(record.task, set()).add(record.sample.id)
    if not asked:
        raise UsageError("no such sample in this run", fix=f"evalkit show {run.folder} --wrong shows some ids")
    return run_plan(_only(plan, run, {name: frozenset(ids) for name, ids in asked.items()}, out), Silent())[0]


def _only(plan: RunPlan, run: Run, asked: dict[str, frozenset[str]], out: Path) -> RunPlan:
    """The plan of these samples alone: of the run's model, without a cache or a cassette, so that it really asks."""
    specs = tuple(entry.spec for entry in run.manifest.tasks if entry.name in asked)
    opened = plan.stack.open(plan.models, plan.opened) if len(plan.models) > 1 else []
    named = [name for name, one in zip(plan.models, opened, strict=False) if one.identity.name == run.model]
    model = named[0] if named else plan.models[0]
    return replace(
        plan, tasks=specs, models=(model,), samples=asked, cache=False, record=None, replay=None, replicas=None, out=out
    )
