"""`evalkit rescore`: today's scorers over the replies of a finished run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from evalkit import plugins
from evalkit.core import Task, UsageError
from evalkit.runner.rescore import rescore
from evalkit.store import Run


@click.command("rescore")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="New run folder.  [default: RUN-rescored]")
def command(run: Path, out: Path | None) -> None:
    """Score RUN again from its stored replies, without a model, into a new run folder."""
    from evalkit.commands.output import console, print_scores

    old = Run.open(run)
    project = old.manifest.request.get("project")
    tasks: dict[str, Task] = {}
    for entry in old.manifest.tasks:
        found = plugins.load("task", entry.spec, project=Path(project) if project else None)
        if not isinstance(found, Task):
            raise UsageError(f"{entry.spec!r} is not a task any more")
        tasks[entry.name] = found
    new = asyncio.run(rescore(old, tasks, out or run.with_name(f"{run.name}-rescored")))
    printer = console()
    printer.print("before", style="bold")
    print_scores(printer, [old])
    printer.print("\nafter", style="bold")
    print_scores(printer, [new])
    printer.print(f"\nrun: {new.folder}", soft_wrap=True)
