"""The tasks and metrics of a run: its tasks are loaded again, by what the manifest says of where they came from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evalkit import plugins
from evalkit.comparing import Readable
from evalkit.core import Metric, Task, UsageError
from evalkit.runs.runner.collect import metrics_of


def metrics_of_run(run: Readable) -> tuple[dict[str, Sequence[Metric]], dict[str, str]]:
    """(metrics by task, why a task's could not be had, by task), of `tasks_of_run`."""
    tasks, lost = tasks_of_run(run)
    return {name: metrics_of(task) for name, task in tasks.items()}, lost


def tasks_of_run(run: Readable) -> tuple[dict[str, Task], dict[str, str]]:
    """(tasks by name, why one could not be had, by name).

    A task whose file changed since is loaded as it is now: the change itself is reported by the comparison. What was
    made in Python (evalkit.run with a Task) has no file to load.
    """
    project = run.manifest.request.get("project")
    found: dict[str, Task] = {}
    lost: dict[str, str] = {}
    for entry in run.manifest.tasks:
        if entry.identity.get("source") == "object":
            lost[entry.name] = "it was made in Python"
            continue
        try:
            task = plugins.load("task", entry.spec, project=Path(project) if project else None)
        except UsageError as error:
            lost[entry.name] = str(error).splitlines()[0]
            continue
        if isinstance(task, Task):
            found[entry.name] = task
    return found, lost
