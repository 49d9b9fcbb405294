"""`evalkit rescore`: today's scorers over the replies of a finished run, or of another harness's log."""

from __future__ import annotations

from pathlib import Path

import click

from evalkit import plugins
from evalkit.cli.completion import complete_runs
from evalkit.cli.examples import examples
from evalkit.cli.json_option import json_option, print_json
from evalkit.core import Task, UsageError
from evalkit.core.event_loop import run_async
from evalkit.judging.judge_model import judge_for, judged_by
from evalkit.plugins import foreign_code
from evalkit.plugins.families import with_folder
from evalkit.runs.foreign import ForeignRun, open_log
from evalkit.runs.foreign.rescored import rescore_log
from evalkit.runs.runner.rescore import rescore
from evalkit.runs.store import Run, manifest


@click.command(
    "rescore",
    epilog=examples("evalkit rescore runs/20260101-120000", "evalkit rescore lm-eval-out --as-task gsm8k_cot=gsm8k"),
)
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_runs)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write the new run to this folder.  [default: RUN-rescored]",
)
@click.option("--judge", metavar="MODEL", help="Model for tasks that a judge scores.  [default: the judge of RUN]")
@click.option(
    "--as-task",
    "named",
    multiple=True,
    metavar="NAME=TASK",
    help="Score the task NAME of a log as TASK. Repeat it for several.",
)
@click.option("--tasks-from", metavar="DIR", default="", help="Read lm-eval tasks from this folder of YAML files.")
@click.option("--allow-code", is_flag=True, help="Allow tasks from --tasks-from to run their Python code.")
@json_option
def command(
    run: Path,
    out: Path | None,
    judge: str | None,
    named: tuple[str, ...],
    tasks_from: str,
    allow_code: bool,
    as_json: bool,
) -> None:
    """Score RUN again from its stored replies, with today's scorers, into a new run folder.

    evalkit asks no model. For tasks that a judge scores it asks the judge; replies of the judge that are in the cache
    are used again. RUN may be an lm-eval or Inspect log: its tasks are scored by the lm-eval tasks of the same name, or
    by those that you name with --as-task.
    """
    from evalkit.cli.commands.run import RUN_FAILED, explain_failures
    from evalkit.cli.rendering.output import console, print_scores
    from evalkit.cli.rendering.run_json import run_json
    from evalkit.runs.foreign.scored import runs_at

    out = out or run.with_name(f"{run.name}-rescored")
    log = open_log(run)
    with foreign_code.allowed(given=allow_code):
        if log is not None:
            old, new = runs_at(run)[0], _of_log(log, named, tasks_from, out, judge)
        else:
            old = Run.open(run)
            new = run_async(lambda: _rescored(old, _tasks_of(old), out, judge))
    if as_json:
        print_json(before=run_json(old), after=run_json(new))
    else:
        printer = console()
        printer.print("before", style="bold")
        print_scores(printer, [old])
        printer.print("\nafter", style="bold")
        print_scores(printer, [new])
        printer.print(f"\nrun: {new.folder}", soft_wrap=True)
    if new.failed:
        console(err=True).print(explain_failures([new]), style="red", soft_wrap=True)
        raise click.exceptions.Exit(RUN_FAILED)


def _tasks_of(run: Run) -> dict[str, Task]:
    project = run.manifest.request.get("project")
    return {entry.name: _task(entry.spec, Path(project) if project else None) for entry in run.manifest.tasks}


def _task(spec: str, project: Path | None = None) -> Task:
    found = plugins.load("task", spec, project=project)
    if not isinstance(found, Task):
        raise UsageError(f"{spec!r} is no longer a task")
    return found


def _of_log(log: ForeignRun, named: tuple[str, ...], folder: str, out: Path, judge: str | None) -> Run:
    specs = _specs(log, named, folder)
    tasks = {name: _task(spec) for name, spec in specs.items()}

    async def work() -> Run:
        model = judge_for(list(tasks.values()), judge)
        try:
            return await rescore_log(log, {name: judged_by(one, model) for name, one in tasks.items()}, specs, out)
        finally:
            if model is not None:
                await model.close()

    return run_async(work)


def _specs(log: ForeignRun, named: tuple[str, ...], folder: str) -> dict[str, str]:
    """The task for each of the log's: the one that is named, else lm-eval's own or evalkit's of that name."""
    told = dict(one.partition("=")[::2] for one in named)
    for name, spec in told.items():
        if not spec:
            raise UsageError("--as-task names a task of the log and one of evalkit's", found=name, fix=f"{name}=TASK")
        if name not in log.tasks:
            raise UsageError(f"the log has no task {name!r}", found=", ".join(log.tasks), fix="one of these, and =TASK")
    prefix = "lm-eval/" if log.harness == "lm-eval" else ""
    own = {name: with_folder(prefix + name, folder) if folder else prefix + name for name in log.tasks}
    return {name: told.get(name, own[name]) for name in log.tasks}


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
