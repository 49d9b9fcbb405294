"""`evalkit.run`: tasks × models to runs, from Python."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Unpack, overload

from evalkit.core import Model, Task
from evalkit.models.functions import model_of
from evalkit.runs.execution import run_plan
from evalkit.runs.options import checked_keywords
from evalkit.runs.plan import RunKeywords, plan_with
from evalkit.runs.runner import Silent
from evalkit.runs.store import Run

__all__ = ["run"]

Tasks = str | Task | Sequence[str | Task]
Writes = Callable[..., str] | Callable[..., Awaitable[str]]
"""A function of a prompt or of messages (see `models.functions`)."""
Models = list[str | Model | Writes] | list[str] | tuple[str | Model | Writes, ...]


@overload
def run(tasks: Tasks, model: str | Model | Writes, **options: Unpack[RunKeywords]) -> Run: ...
@overload
def run(tasks: Tasks, model: Models, **options: Unpack[RunKeywords]) -> list[Run]: ...
def run(tasks: Tasks, model: str | Model | Writes | Models, **options: Unpack[RunKeywords]) -> Run | list[Run]:
    """Evaluate one model, or each of several, on one or more tasks.

    A model is a name such as "tiny" or "openai/gpt-4o", an object that is an `evalkit.Model`, or a function, plain or
    async, that takes a prompt (or a parameter `messages`) and returns text.

    Returns a Run for one model and a list of Runs for a sequence of models. `out` is the run folder (the folder of
    the run folders for several models), `runs/<time>` by default. Raises UsageError for a mistake in what was asked,
    RunError where a run cannot go on; samples that could not be measured are on their records, and `Run.failed` says
    whether they are more than `max_failures` of any task.
    """
    single = not isinstance(model, list | tuple)
    checked_keywords(options)
    names = (tasks,) if isinstance(tasks, str | Task) else tasks
    models = [model_of(one) for one in (model if isinstance(model, list | tuple) else (model,))]
    plan = plan_with(names, models, options)
    runs = run_plan(plan, options.get("progress") or Silent())
    return runs[0] if single else runs
