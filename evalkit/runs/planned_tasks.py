"""The tasks of a plan: loaded by name, suites opened, each prepared for a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evalkit import plugins
from evalkit.core import Member, Model, Suite, Task, UsageError
from evalkit.runs.runner import PreparedTask, Settings, prepare, suite_entry
from evalkit.runs.store import SuiteEntry

__all__ = ["PlannedTask", "load_all", "prepare_all"]


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """`name` in the run (options make tasks of one name different ones), `spec` that loads it, its source's digest."""

    name: str
    spec: str
    digest: str
    task: Task


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
            members = [_load_member(member, made, project) for member in made.members]
            suites.append(
                suite_entry(made, [(m, one.name, one.task) for m, one in zip(made.members, members, strict=True)])
            )
            found += members
        else:
            found.append(_load(spec, made, project))
    check_named_once("task", [one.name for one in found])
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


def _load_member(member: Member, suite: Suite, project: Path | None) -> PlannedTask:
    """A task of a suite, with as many few-shot examples as the suite says."""
    made = plugins.load("task", member.task, project=project)
    if isinstance(made, Suite):
        raise UsageError(f"{member.task!r} is a suite itself", fix=f"name its tasks in {suite.name!r}")
    found = _load(member.task, made, project)
    if member.fewshot is None:
        return found
    return replace(found, task=replace(found.task, fewshot=replace(found.task.fewshot, k=member.fewshot)))


def _run_name(name: str, options: Mapping[str, str]) -> str:
    return ",".join([name, *(f"{key}={value}" for key, value in sorted(options.items()))])
