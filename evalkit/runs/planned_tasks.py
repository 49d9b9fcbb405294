"""The tasks of a plan: loaded by name, suites opened, each prepared for a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from evalkit import plugins
from evalkit.core import Model, Suite, Task, UsageError
from evalkit.plugins.families import FOLDER, family_of
from evalkit.runs.planned_suites import OpenedSuites, PlannedTask
from evalkit.runs.runner import PreparedTask, Settings, prepare
from evalkit.runs.store import SuiteEntry

__all__ = ["PlannedTask", "load_all", "prepare_all"]


def load_all(tasks: Sequence[str | Task], project: Path | None) -> tuple[list[PlannedTask], list[SuiteEntry]]:
    """The tasks of a plan, with those of its suites in their places, and what is to be told of the suites.

    Raises UsageError for a name that does not load and for a task that is named twice.
    """
    found: list[PlannedTask] = []
    suites: list[SuiteEntry] = []
    for spec in tasks:
        if isinstance(spec, Task):
            found.append(PlannedTask(spec.name, spec.name, "object", spec))
            continue
        made = plugins.load("task", spec, project=project)
        if isinstance(made, Suite):
            opened = OpenedSuites(project, lambda spec, made: _load(spec, made, project))
            opened.open(made)
            suites += [entry for entry in opened.entries.values() if entry.average != "none"]
            found += opened.tasks.values()
        else:
            found.append(_load(spec, made, project))
    check_named_once("task", [one.name for one in found])
    check_named_once("suite", [one.name for one in suites])
    return found, suites


def prepare_all(
    planned: Sequence[PlannedTask], tasks: Sequence[Task], model: Model, settings: Settings
) -> list[PreparedTask]:
    """Each task prepared for a model; `tasks` are those planned, with their judges. Raises UsageError where data or
    the model do not fit."""
    return [
        replace(prepare(task, one.spec, one.digest, model, settings), name=one.name)
        for one, task in zip(planned, tasks, strict=True)
    ]


def check_named_once(kind: str, names: Sequence[str]) -> None:
    """Raises UsageError where a task or a model is named twice."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"{kind} {twice[0]!r} is given twice", fix="name each once")


def _load(spec: str, made: object, project: Path | None) -> PlannedTask:
    if not isinstance(made, Task):
        raise UsageError(f"{spec!r} is not a task", found=type(made).__name__)
    origin = plugins.origin("task", spec, project=project)
    return PlannedTask(_run_name(made.name, origin.options), spec, origin.digest, made)


def _run_name(name: str, options: Mapping[str, str]) -> str:
    named = {key: value for key, value in options.items() if not (family_of(name) and key == FOLDER)}
    return ",".join([name, *(f"{key}={value}" for key, value in sorted(named.items()))])
