"""`evalkit run`: tasks × models, a table of estimates, and the run's folder."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalkit.cli.completion import complete_runs, complete_tasks
from evalkit.cli.examples import examples
from evalkit.cli.json_option import json_option, print_json
from evalkit.cli.run_options import run_options
from evalkit.core import UsageError, Validity

if TYPE_CHECKING:
    from evalkit.runs.plan import RunPlan
    from evalkit.runs.runner import Progress
    from evalkit.runs.store import Run

RUN_FAILED = 3


@click.command(
    "run",
    epilog=examples(
        "evalkit run toy_mmlu toy_squad --model tiny",
        "evalkit run mmlu squad --model hf/./my-model --data-dir ./hub --limit 500",
        "evalkit run suite.yaml --watch",
        "evalkit run --resume runs/20260101-120000",
    ),
)
@click.argument("tasks", nargs=-1, metavar="TASK…", shell_complete=complete_tasks)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="RUN",
    shell_complete=complete_runs,
    help="Continue an interrupted run.",
)
@click.option("--dry-run", is_flag=True, help="Print requests, tokens and cost without asking a model.")
@click.option("--watch", is_flag=True, help="Serve a page of the run on this machine while it runs.")
@run_options("run")
@json_option
def command(
    tasks: tuple[str, ...],
    quiet: bool,
    resume: Path | None,
    dry_run: bool,
    watch: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Evaluate one or more models on one or more tasks.

    TASK is a name from `evalkit list tasks`, a task file (.py or .yaml), or a suite file that names tasks and models.
    MODEL is provider/name: tiny, hf/<repo or path>, openai/<model>, vllm/<model> and so on (`evalkit list models`).
    Add options after a comma: mmlu,subject=anatomy or hf/gpt2,dtype=bfloat16.

    \b
    Exit codes:
      0  every run finished
      2  a mistake in the command or its files
      3  too many samples could not be measured
    """
    from evalkit.cli.rendering.progress import progress
    from evalkit.cli.watched_run import with_page
    from evalkit.runs import execution

    watcher = progress(quiet=quiet)
    if resume is not None:
        if dry_run:
            raise UsageError("--dry-run cannot count a run that already began", fix="leave out --resume")
        if tasks or given["models"]:
            raise UsageError(
                "--resume takes tasks and models from the run's manifest", fix=f"evalkit run --resume {resume}"
            )
        from evalkit.plugins import foreign_code

        workers = {name: given[name] for name in ("replicas", "ray", "sandbox_workers")}
        with (
            foreign_code.allowed(given=given["allow_code"]),
            with_page(watcher, resume if watch else None) as watcher,
        ):
            runs = execution.resume(resume, watcher, given["max_cost"], **workers)
    else:
        from evalkit.cli.plan_from_words import plan_from

        plan = plan_from(tasks, given)
        if dry_run:
            from evalkit.cli.rendering.dry_run import forecasts_json, show_forecasts

            found = execution.forecasts(plan)
            print_json(models=forecasts_json(found)) if as_json else show_forecasts(found)
            return
        runs = _run(plan, watcher, watch=watch)
    finish(runs, as_json=as_json)


def _run(plan: RunPlan, watcher: Progress, *, watch: bool) -> list[Run]:
    """The runs of a plan. One that is watched has its folder first, so that the page knows it."""
    from evalkit.cli.watched_run import with_page
    from evalkit.core import claims
    from evalkit.runs import execution
    from evalkit.runs.plan import RUNS

    if not watch:
        return execution.run_plan(plan, watcher)
    claimed = None if plan.out else claims.new_folder(RUNS)
    plan = replace(plan, out=plan.out or claimed)
    try:
        with with_page(watcher, plan.out) as watched:
            return execution.run_plan(plan, watched)
    finally:
        if claimed is not None:
            claims.abandon(claimed)


def finish(runs: list[Any], *, as_json: bool = False) -> None:
    """Print the table, the runs' folders and the next step, or all of it as JSON; exit 3 where too little could be
    measured."""
    from evalkit.cli.rendering.output import console
    from evalkit.cli.rendering.run_json import run_json

    if as_json:
        print_json(runs=[run_json(run) for run in runs])
    else:
        _show(runs)
    failed = [run for run in runs if run.failed]
    if failed:
        message = explain_failures(failed)
        console(err=True).print(message, style="red", soft_wrap=True)
        sys.stdout.flush()
        raise click.exceptions.Exit(RUN_FAILED)


def _show(runs: list[Any]) -> None:
    from evalkit.cli.rendering.output import console, print_scores

    out = console()
    print_scores(out, runs)
    out.print()
    for run in runs:
        out.print(f"run: {run.folder}", soft_wrap=True)
    together = runs[0].folder if len(runs) == 1 else runs[0].folder.parent
    out.print(f"next: evalkit show {together}", style="dim", soft_wrap=True)


def explain_failures(runs: list[Any]) -> str:
    """Why a run counts as failed: the tasks whose proportion of failures is too high, with the commonest reason."""
    from collections import Counter

    from evalkit.judging.advice import advice

    lines = []
    for run in runs:
        for entry in run.manifest.tasks:
            if entry.result is None or not entry.result.failed:
                continue
            reasons = Counter(
                f"{r.failure.stage}: {r.failure.kind}: {r.failure.message}"
                for r in run.records(entry.name)
                if r.failure is not None
            )
            # What no judge could read is not a failure of the run's making: the verdict's own reason says it.
            reasons.update(
                score.reason
                for r in run.records(entry.name)
                for score in r.scores[:1]
                if r.failure is None and score.validity is Validity.UNJUDGED
            )
            why = f"; most often {reasons.most_common(1)[0][0]}" if reasons else ""
            lines.append(
                f"evalkit: {entry.name}: {entry.result.failed} of {entry.result.samples} samples"
                f" could not be measured{why}"
            )
            if why.startswith("; most often unjudged"):
                every = entry.result.failed == entry.result.samples
                lines.append(f"  try:   {advice(list(reasons.elements()), every=every)}")
        lines.append(f"  try:   evalkit show {run.folder} --failed, then evalkit run --resume {run.folder}")
    return "\n".join(lines)
