"""The tasks and suites of a plan as they are opened: suites within suites, and each task once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from evalkit import plugins
from evalkit.core import Member, Suite, Task, UsageError
from evalkit.runs.runner import suite_entry
from evalkit.runs.store import SuiteEntry


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """`name` in the run (options make tasks of one name different ones), `spec` that loads it, its source's digest."""

    name: str
    spec: str
    digest: str
    task: Task


@dataclass(slots=True)
class OpenedSuites:
    """The tasks and suites that a suite brings. A task in two of them, asked alike, is run once.

    `load_task` makes a planned task of a spec and what was loaded by it.
    """

    project: Path | None
    load_task: Callable[[str, object], PlannedTask]
    tasks: dict[str, PlannedTask] = field(default_factory=dict)
    entries: dict[str, SuiteEntry] = field(default_factory=dict)

    def open(self, suite: Suite, fewshot: int | None = None, above: tuple[str, ...] = ()) -> SuiteEntry:
        """Load a suite's tasks and the suites within it; these come before it among `entries`.

        Raises UsageError for a suite within itself, and for two of one name that are not the same.
        """
        if suite.name in above:
            within = " → ".join((*above, suite.name))
            raise UsageError(f"the suite {suite.name!r} contains itself", found=within, fix="remove it from itself")
        members: list[tuple[Member, str, Task | None]] = []
        for member in suite.members:
            shots = member.fewshot if member.fewshot is not None else fewshot
            made = member.suite or plugins.load("task", member.task, project=self.project)
            if isinstance(made, Suite):
                members.append((member, self.open(made, shots, (*above, suite.name)).name, None))
            else:
                found = self._task(member.task, made, shots)
                members.append((member, found.name, found.task))
        none = suite.average == "none"
        entry = SuiteEntry(suite.name, "none") if none else suite_entry(suite, members, self.entries)
        if self.entries.setdefault(suite.name, entry) != entry:
            raise UsageError(f"two suites are named {suite.name!r}", fix="give one of them another name")
        return entry

    def _task(self, spec: str, made: object, shots: int | None) -> PlannedTask:
        found = self.load_task(spec, made)
        if shots is not None:
            found = replace(found, task=replace(found.task, fewshot=replace(found.task.fewshot, k=shots)))
        known = self.tasks.setdefault(found.name, found)
        if known.task.fewshot != found.task.fewshot:
            told = f"{known.task.fewshot.k} and {found.task.fewshot.k} examples"
            raise UsageError(
                f"task {found.name!r} is given twice", found=told, fix="give it the same settings in every suite"
            )
        return known
