"""What a shell offers for tasks, models, runs and judges while a command is typed (click's shell completion)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import click
from click.shell_completion import CompletionItem

from evalkit.core import UsageError

__all__ = ["complete_judges", "complete_models", "complete_runs", "complete_tasks"]

# A folder of thousands of runs must not keep a shell waiting.
_MOST_RUNS = 50


def complete_tasks(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of tasks and suites, after `lm-eval/` those of lm-eval; task files and suite files as well."""
    from evalkit.plugins.families import family_of, rows_of

    if family := family_of(incomplete):
        # The family's package may be missing, which a shell has no place to say.
        with contextlib.suppress(UsageError):
            return _matching(((name, summary) for name, summary, _ in rows_of(family, "")), incomplete)
    return [*_plugins("task", incomplete), CompletionItem(incomplete, type="file")]


def complete_models(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of providers, `hf/` and so on, with what they are; the embedded models by their names."""
    from evalkit import models

    found = [(p.example.partition("<")[0], p.summary) for p in models.providers() if not p.problem]
    return _matching(found, incomplete)


def complete_judges(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of judges."""
    return _plugins("judge", incomplete)


def complete_runs(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The latest run folders under runs/, with their models; any other path as well."""
    from evalkit.runs.plan import RUNS
    from evalkit.runs.store import Run, runs_under

    folders = [folder for folder in runs_under(RUNS) if str(folder).startswith(incomplete)][:_MOST_RUNS]
    found = [(str(folder), f"{run.model}, {run.manifest.status}") for folder in folders for run in [Run.open(folder)]]
    path = "dir" if not incomplete or Path(incomplete).is_dir() else "file"
    return [*_matching(found, incomplete), CompletionItem(incomplete, type=path)]


def _plugins(kind: Literal["task", "judge"], incomplete: str) -> list[CompletionItem]:
    from evalkit.plugins import index

    return _matching(((entry.name, entry.summary) for entry in index(kind) if not entry.problem), incomplete)


def _matching(found: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name, help=summary) for name, summary in found if name.startswith(incomplete)]
