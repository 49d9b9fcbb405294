"""`evalkit check`: the gold answers of a task must score 1.0; a model must answer as models do."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from evalkit import plugins
from evalkit.cli.completion import complete_tasks
from evalkit.cli.examples import examples
from evalkit.cli.json_option import json_option, print_json
from evalkit.cli.run_options import run_option
from evalkit.core import DataOptions, Suite, Task, UsageError, paths
from evalkit.core.event_loop import run_async
from evalkit.core.terminal import say
from evalkit.judging.judge_model import judge_for, judged_by
from evalkit.plugins import foreign_code
from evalkit.plugins.families import coverage_of, family_of, rows_of, with_folder
from evalkit.runs.runner import Settings, prepare
from evalkit.runs.runner.gold_check import Checked, GoldModel, check, unjudged_part

if TYPE_CHECKING:
    from evalkit.models.conformance import Finding

CHECK_FAILED = 1
_SHOWN_PROBLEMS = 3


@click.command(
    "check",
    epilog=examples(
        "evalkit check mmlu --data-dir ./hub",
        "evalkit check tasks/mine.py --num-fewshot 3",
        "evalkit check --model openai/gpt-5-mini",
    ),
)
@click.argument("tasks", nargs=-1, metavar="TASK…", shell_complete=complete_tasks)
@click.option("--all", "everything", is_flag=True, help="Check every task whose data is available.")
@click.option(
    "--limit", type=int, default=200, show_default=True, help="Check this many samples per task; 0 checks all."
)
@click.option("--num-fewshot", type=int, metavar="K", help="Check the prompts with K few-shot examples.")
@run_option("data_dir")
@run_option("offline")
@click.option("--judge", metavar="MODEL", help="Let this model judge the gold answers of tasks that a judge scores.")
@click.option("-m", "--model", metavar="MODEL", help="Check a model instead, with about forty requests.")
@json_option
@click.option("--list", "only_names", is_flag=True, help="Print what would be checked, without importing it.")
@click.option("--tasks-from", metavar="DIR", default="", help="Read lm-eval tasks from this folder of YAML files.")
@click.option("--allow-code", is_flag=True, help="Allow tasks from --tasks-from to run their Python code.")
def command(tasks: tuple[str, ...], everything: bool, judge: str | None, model: str | None, **given: Any) -> None:
    """Check that TASK finds its data, builds every prompt and scores its own gold answers 1.0.

    Run it on a task of yours before you trust its scores. A task that a judge scores needs a verdict on every gold
    answer instead; without --judge, evalkit skips that part. `evalkit check lm-eval --all` builds each lm-eval task and
    one sample of it.

    \b
    Exit codes:
      0  every check passed
      1  a task or a probe failed
      2  a mistake in the command or its files
    """
    if model is not None:
        if tasks or everything:
            raise UsageError(
                "--model checks a model, without tasks", found=" ".join(tasks) or "--all", fix="leave out one of them"
            )
        return _check_model(model, given["as_json"])
    folder, data = given["tasks_from"], DataOptions(given["data_dir"] or paths.data_mirror(), given["offline"])
    if given["only_names"]:
        say("\n".join(_names(tasks, folder, everything)))
        return None
    with foreign_code.allowed(given=given["allow_code"]):
        if everything and len(tasks) == 1 and (family := family_of(f"{tasks[0]}/")):
            return _check_family(family, folder, data, given["as_json"])
        tasks = tuple(with_folder(one, folder) for one in tasks) if folder else tasks
        settings = Settings(limit=given["limit"] or None, num_fewshot=given["num_fewshot"], data=data)
        return _check_tasks(tasks, settings, everything, judge, given["as_json"])


def _names(tasks: tuple[str, ...], folder: str, everything: bool) -> list[str]:
    """What would be checked, from files' names and what is written in them alone; a suite is not opened."""
    family = family_of(f"{tasks[0]}/") if everything and len(tasks) == 1 else ""
    if family:
        return [name for name, _, _ in rows_of(family, folder)]
    return [entry.name for entry in plugins.index("task") if not entry.problem] if everything else list(tasks)


def _check_tasks(
    tasks: tuple[str, ...], settings: Settings, everything: bool, judge: str | None, as_json: bool
) -> None:
    if not tasks and not everything:
        raise UsageError(
            "there is nothing to check", fix="evalkit check TASK…, evalkit check --all, or evalkit check --model MODEL"
        )
    if everything:
        names = [entry.name for entry in plugins.index("task") if not entry.problem]
    else:
        names = [name for task in tasks for name in _members(task)]
    checked = wrong = 0
    listed: list[dict[str, object]] = []
    for name in names:
        for spec, found in _checks(name, settings, everything, judge):
            listed.append(_as_json(spec, found))
            if isinstance(found, str):
                told = f"skipped {spec}: {found}"
                if not as_json:
                    say(
                        textwrap.fill(
                            told, 80, subsequent_indent=" " * 8, break_long_words=False, break_on_hyphens=False
                        )
                    )
                continue
            checked += 1
            wrong += bool(found.problems)
            if not as_json:
                _say(spec, found)
    if as_json:
        print_json(tasks=listed, checked=checked, wrong=wrong)
    elif everything:
        say(f"{checked - wrong} ok, {wrong} wrong; to check skipped tasks, give their data: --data-dir DIR")
    if wrong:
        say(f"{wrong} of {checked} tasks do not score their own gold answers 1.0", err=True)
        raise click.exceptions.Exit(CHECK_FAILED)


def _check_family(family: str, folder: str, data: DataOptions, as_json: bool) -> None:
    """Which tasks of a family can be asked, with counts by reason for the others."""
    found = coverage_of(family, folder, data)
    if as_json:
        print_json(**found)
        return
    say(f"{found['covered']:,} of {found['tasks']:,} tasks can be asked")
    whole, partly = found["families_covered"], found["families_covered_in_part"]
    say(f"{whole} of {found['families']} families wholly, {partly} at least in part")
    for reason, count in found["reasons"].items():
        say(f"{count:>7,}  {reason}")


def _check_model(spec: str, as_json: bool) -> None:
    from evalkit.cli.rendering.conformance import show_findings
    from evalkit.models import resolve
    from evalkit.models.conformance import Outcome, examine

    model = resolve(spec)

    async def work() -> list[Finding]:
        try:
            return [finding async for finding in examine(model)]
        finally:
            await model.close()

    findings = run_async(work)
    show_findings(spec, findings, as_json=as_json)
    if any(finding.outcome is Outcome.FAILS for finding in findings):
        raise click.exceptions.Exit(CHECK_FAILED)


def _checks(name: str, settings: Settings, everything: bool, judge: str | None) -> Iterator[tuple[str, Checked | str]]:
    """The check of a task; among all tasks, why one is skipped, such as missing data. (Toy sets are tasks.)"""
    try:
        task = plugins.load("task", name)
        if isinstance(task, Suite):
            return  # its tasks are checked under their own names
        yield name, _check(task, name, settings, judge)
    except UsageError as error:
        if not everything:
            raise
        yield name, str(error).splitlines()[0]


def _members(name: str) -> list[str]:
    """The tasks of a suite and of those within it, or the task itself."""
    found = plugins.load("task", name)
    if not isinstance(found, Suite):
        return [name]
    return list(dict.fromkeys(task for spec in found.specs() for task in _members(spec)))


def _check(task: object, name: str, settings: Settings, judge: str | None) -> Checked:
    if not isinstance(task, Task):
        raise UsageError(f"{name!r} is not a task")
    if judge is None:
        found = run_async(lambda: check(prepare(unjudged_part(task), name, "", GoldModel(), settings)))
        found.without_judge = any(s.judged_by and not s.judge_optional for s in task.scorers)
        return found
    model = judge_for([task], judge)

    async def work() -> Checked:
        try:
            return await check(prepare(judged_by(task, model), name, "", GoldModel(), settings))
        finally:
            if model is not None:
                await model.close()

    return run_async(work)


def _as_json(name: str, found: Checked | str) -> dict[str, object]:
    if isinstance(found, str):
        return {"task": name, "status": "skipped", "reason": found}
    return {
        "task": name,
        "status": "wrong" if found.problems else "ok",
        "samples": found.samples,
        "without_gold": found.without_gold,
        "without_judge": found.without_judge,
        "problems": [{"sample": sample, "problem": problem} for sample, problem in found.problems],
    }


def _say(name: str, found: Checked) -> None:
    if not found.problems:
        lacking = f", {found.without_gold:,} of them without a perfect answer" if found.without_gold else ""
        unjudged = ", no judge asked (--judge MODEL)" if found.without_judge else ""
        say(f"ok      {name}: {found.samples:,} samples{lacking}{unjudged}")
        return
    say(f"WRONG   {name}: {len(found.problems):,} of {found.samples:,} samples")
    for sample, problem in found.problems[:_SHOWN_PROBLEMS]:
        say(f"          {sample}: {problem}")
