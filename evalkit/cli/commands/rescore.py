"""`evalkit rescore`: today's scorers over the replies of a finished run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from evalkit import plugins
from evalkit.core import Task, UsageError
from evalkit.judging.judge_model import judge_for, judged_by
from evalkit.runs.runner.rescore import rescore
from evalkit.runs.store import Run, manifest


@click.command("rescore")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="New run folder.  [default: RUN-rescored]")
@click.option("--judge", metavar="MODEL", help="Model that judges.  [default: the run's own]")
def command(run: Path, out: Path | None, judge: str | None) -> None:
    """Score RUN again from its stored replies, without a model, into a new run folder.

    Only a judge is asked, where a task is scored by one; what it said before comes from the cache.
    """
    from evalkit.cli.commands.run import RUN_FAILED, explain_failures
    from evalkit.cli.rendering.output import console, print_scores

    old = Run.open(run)
    project = old.manifest.request.get("project")
    tasks: dict[str, Task] = {}
    for entry in old.manifest.tasks:
        found = plugins.load("task", entry.spec, project=Path(project) if project else None)
        if not isinstance(found, Task):
            raise UsageError(f"{entry.spec!r} is not a task any more")
        tasks[entry.name] = found
    new = asyncio.run(_rescored(old, tasks, out or run.with_name(f"{run.name}-rescored"), judge))
    printer = console()
    printer.print("before", style="bold")
    print_scores(printer, [old])
    printer.print("\nafter", style="bold")
    print_scores(printer, [new])
    printer.print(f"\nrun: {new.folder}", soft_wrap=True)
    if new.failed:
        console(err=True).print(explain_failures([new]), style="red", soft_wrap=True)
        raise click.exceptions.Exit(RUN_FAILED)


async def _rescored(old: Run, tasks: dict[str, Task], out: Path, judge: str | None) -> Run:
    """The new run; its manifest names the judge that was asked, and what that came to."""
    name = judge or str(old.manifest.request.get("judge") or "") or None
    model = judge_for(list(tasks.values()), name)
    try:
        new = await rescore(old, {name: judged_by(task, model) for name, task in tasks.items()}, out)
    finally:
        if model is not None:
            await model.close()
    if model is not None:
        new.manifest.request["judge"] = name
        new.manifest.model["judge"] = {"name": model.identity.name, **model.spent.facts()}
        manifest.write(out, new.manifest)
    return new
