"""evalkit from Python: `run` and `load`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack, cast, overload

from evalkit.core import Model, Task, UsageError
from evalkit.models.functions import model_of
from evalkit.runs.execution import run_plan
from evalkit.runs.notebook import NotebookProgress, in_notebook
from evalkit.runs.options import checked_keywords
from evalkit.runs.plan import RunKeywords, plan_with
from evalkit.runs.runner import Silent
from evalkit.runs.store import Run, runs_under
from evalkit.runs.store.run import offer

__all__ = ["load", "run"]


def _compare(a: Run, b: Run, **options: Any) -> Any:
    from evalkit.comparing.comparison import compare

    return compare(a, b, **options)


def _report(runs: Sequence[Run], out: Path, name: str, options: Mapping[str, str]) -> list[Path]:
    from evalkit.runs.written_report import write_report

    return write_report(runs, out, name, options)


# What compares and reports is imported when it is used: it takes longer than all that a run needs.
offer("compare", _compare)
offer("report", _report)

Tasks = str | Task | Sequence[str | Task]
Writes = (
    Callable[..., str] | Callable[..., list[str]] | Callable[..., Awaitable[str]] | Callable[..., Awaitable[list[str]]]
)
"""A function of a prompt, of messages, or of a list of either (see `models.functions`)."""
Models = list[str | Model | Writes] | list[str] | tuple[str | Model | Writes, ...]


@overload
def run(tasks: Tasks, model: str | Model | Writes, **options: Unpack[RunKeywords]) -> Run: ...
@overload
def run(tasks: Tasks, model: Models, **options: Unpack[RunKeywords]) -> list[Run]: ...
def run(tasks: Any = None, model: Any = None, *more: object, **options: Unpack[RunKeywords]) -> Run | list[Run]:
    """Evaluate one model, or each of several, on one or more tasks.

    A model is a name such as "tiny" or "openai/gpt-4o", an object that is an `evalkit.Model`, or a function, plain or
    async, that takes a prompt (or a parameter `messages`) and returns text.

    Returns a Run for one model and a list of Runs for a sequence of models. `out` is the run folder (the folder of
    the run folders for several models), `runs/<time>` by default. Raises UsageError for a mistake in what was asked,
    RunError where a run cannot go on; samples that could not be measured are on their records, and `Run.failed` says
    whether they are more than `max_failures` of any task.
    """
    if more:
        raise UsageError(
            "give options after the model by name", found=f"{more[0]!r:.60}", fix="limit=100, out=…, seed=…"
        )
    single = not isinstance(model, list | tuple)
    checked_keywords(options)
    shown = options.get("progress")
    if shown is not None and not all(callable(getattr(shown, name, None)) for name in ("start", "advance", "finish")):
        raise UsageError(
            "progress has start, advance and finish", found=f"{shown!r:.60}", fix="leave it out, or Silent()"
        )
    names = _tasks(tasks)
    models = [model_of(one) for one in (model if isinstance(model, list | tuple) else (model,))]
    plan = plan_with(names, models, options)
    quiet = NotebookProgress() if in_notebook() else Silent()
    runs = run_plan(plan, shown or quiet)
    return runs[0] if single else runs


def _tasks(given: object) -> Sequence[str | Task]:
    """The tasks that were given as tasks are. Raises UsageError for anything else."""
    asked: list[object] = list(given) if isinstance(given, list | tuple) else [given]
    listed: list[str | Task] = []
    for one in asked:
        if isinstance(one, str | Task):
            listed.append(one)
        else:
            found = f"{type(one).__name__}: {one!r:.60}"
            fix = "a name such as 'mmlu', the path of a .yaml or .py file, a Task, or a list of them"
            raise UsageError("this is not a task", found=found, fix=fix)
    if not listed:
        raise UsageError("nothing to run", found="no task", fix="evalkit.run('mmlu', …)")
    return listed


def load(path: str | Path) -> Run:
    """A run that already exists: a run folder, or a log of lm-eval or Inspect.

    Raises UsageError where there is none, and where a folder holds several, which it names.
    """
    if not isinstance(path, str | Path) or not Path(path).exists():
        raise UsageError(f"run {str(path)!r} does not exist", found=f"{path!r:.60}", fix='evalkit.load("runs/…")')
    from evalkit.runs.foreign import open_log
    from evalkit.runs.foreign.scored import scored

    folder = Path(path)
    found = runs_under(folder)
    if len(found) > 1:
        shown = ", ".join(map(str, found[:4])) + ("…" if len(found) > 4 else "")
        raise UsageError(f"{folder} holds {len(found)} runs", found=shown, fix="load one of them")
    log = open_log(folder) if not found else None
    return cast(Run, scored(log)) if log is not None else Run.open(found[0] if found else folder)
