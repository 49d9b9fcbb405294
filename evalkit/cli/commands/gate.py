"""`evalkit gate run` and `evalkit gate plan`: does a candidate pass, and what could be told at all?"""

from __future__ import annotations

import math
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalkit.cli.run_options import run_options
from evalkit.core import RunError, UsageError, terminal
from evalkit.core.outside_text import one_line
from evalkit.core.terminal import emit_json

if TYPE_CHECKING:
    from evalkit.comparing import PairedTask
    from evalkit.comparing.gates import Opened
    from evalkit.comparing.gates.look_rules import Rule
    from evalkit.comparing.gates.policy import Policy
    from evalkit.comparing.gates.report import GateReport
    from evalkit.comparing.gates.ways_out import Command
    from evalkit.runs.plan import RunPlan

BASELINE = Path("baseline.evalkit")


@click.group("gate", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Hold a candidate against a baseline and end with an exit code that a CI job understands."""


@command.command("run")
@click.argument("candidate", nargs=-1, required=True, metavar="CANDIDATE…")
@click.option("--baseline", type=click.Path(path_type=Path), metavar="PATH", help="Baseline file or run folder.")
@click.option("--baseline-ref", metavar="REF", help="Read the baseline file from git at this commit or branch.")
@click.option("--policy", type=click.Path(path_type=Path), metavar="FILE", help="Margins and rules, as YAML.")
@click.option("--margin", metavar="X", help="The largest drop that passes: 0.02 or 2%.  [default: 2%]")
@click.option("--mean-margin", metavar="X", help="The largest drop of the mean over tasks; alone, no task is gated.")
@click.option("--confidence", metavar="P", help="One-sided, for each decision.  [default: 0.95]")
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Gate only this task; may be repeated.")
@click.option("--any-drop-blocks", is_flag=True, help="A significant drop fails even inside the margin.")
@click.option("--degraded", type=click.Choice(["pass", "fail"]), help="What DEGRADED does.  [default: pass]")
@click.option("--inconclusive", type=click.Choice(["block", "pass"]), help="And INCONCLUSIVE.  [default: block]")
@click.option("--common-samples", is_flag=True, help="Compare what both have instead of refusing missing samples.")
@click.option("--max-failures", metavar="SHARE", help="Unmeasured share allowed.  [default: 0.05]")
@click.option("--sequential", type=int, metavar="LOOKS", help="Run in this many batches and stop once it is decided.")
@click.option("--adaptive", is_flag=True, help="Run as few samples as the verdict needs, in batches.")
@click.option("--budget", type=float, metavar="USD", help="Ask the samples that tell most for so much money.")
@click.option("--dry-run", is_flag=True, help="Say what it would cost and could tell; ask nothing.")
@click.option("--markdown", type=click.Path(path_type=Path), metavar="FILE", help="Write Markdown, for a comment.")
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit XML.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), metavar="FILE", help="Write JSON; - prints it.")
@click.option("--github/--no-github", default=None, help="Annotations and job summary.  [default: inside a job]")
@run_options("gate")
def run(candidate: tuple[str, ...], **given: Any) -> None:
    """Put CANDIDATE to the gate.

    CANDIDATE is a run folder (or lm-eval's or Inspect's log), or what `evalkit run` takes: a suite file, or tasks with
    --model; it is then run first.

    \b
    Exit codes:
      0  PASS (or DEGRADED, where the policy lets it)
      1  FAIL or WORSE: a drop that is shown, whatever its size
      2  a mistake in what was asked
      3  no verdict: other samples, data, prompts or scorers, or too much could not be measured
      4  INCONCLUSIVE: no drop is shown, nor its absence (0 with --inconclusive pass)
    \b
    Examples:
      evalkit gate run runs/candidate --baseline baseline.evalkit --margin 2%
      evalkit gate run suite.yaml --model hf/./candidate --baseline-ref origin/main --policy gate.yaml
    """
    from evalkit.comparing.gates import policy_from

    policy = policy_from(given["policy"] or _suite_with_gate(candidate), given)
    baseline = _baseline(given, policy)
    report, folder = _report(candidate, given, baseline, policy)
    report.next_steps = _next(report, baseline, _said(candidate, baseline), folder)
    _write(report, given)
    sys.stdout.flush()
    raise click.exceptions.Exit(report.exit_code)


@command.command("plan")
@click.argument("baseline", type=click.Path(path_type=Path), default=BASELINE)
@click.option("--policy", type=click.Path(path_type=Path), metavar="FILE", help="Margins and rules, as YAML.")
@click.option("--margin", metavar="X", help="The largest drop that passes: 0.02 or 2%.  [default: 2%]")
@click.option("--confidence", metavar="P", help="One-sided, for each decision.  [default: 0.95]")
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Only this task; may be repeated.")
@click.option("--power", type=float, default=0.8, show_default=True, help="The wished-for chance to pass.")
@click.option("--correlation", type=float, default=0.5, show_default=True, help="Expected between the two runs.")
@click.option("--like", type=click.Path(path_type=Path), metavar="RUN", help="Measure it on an earlier candidate.")
@click.option("--sequential", type=int, metavar="LOOKS", help="What to expect of a gate with so many looks, too.")
def plan(
    baseline: Path, like: Path | None, power: float, correlation: float, sequential: int | None, **given: Any
) -> None:
    """Say what a gate over BASELINE (a file or a run) can tell, before anything is run.

    For every task: the chance to pass where nothing changed, the smallest margin that is passed with --power, and the
    samples that the margin asks for.
    """
    from evalkit.cli.rendering.gate_plan import show_plan
    from evalkit.comparing.gates import open_any, policy_from
    from evalkit.comparing.gates.look_rules import ScheduledLooks

    for name, value in (("--power", power), ("--correlation", correlation)):
        if not 0.0 <= value < 1.0 or (name == "--power" and value == 0.0):
            raise UsageError(f"{name} lies between 0 and 1", found=str(value))
    opened = open_any(baseline)
    schedule = None if sequential is None else ScheduledLooks.of(sequential).schedule
    policy = policy_from(given["policy"], given)
    show_plan(opened, policy, power, correlation, open_any(like) if like else None, schedule)


@command.command("check")
@click.argument("policy", type=click.Path(path_type=Path), metavar="POLICY")
@click.option("--baseline", type=click.Path(path_type=Path), metavar="PATH", help="Hold it against this baseline.")
def check(policy: Path, baseline: Path | None) -> None:
    """Check POLICY (a policy file, or a suite with a gate) without running anything.

    Its keys and values, and, where there is its baseline, that it can be held: tasks, metrics and limits are there, and
    margins lie within their bounds.
    """
    from evalkit.comparing.gates import open_any, policy_from
    from evalkit.comparing.gates.preflight import held

    found = policy_from(_suite_with_gate((str(policy),)) or policy, {})
    place = baseline or (Path(found.baseline) if found.baseline else BASELINE)
    if not place.exists():
        if baseline is not None:
            raise UsageError(f"there is no baseline {place}")
        terminal.say(f"{policy}: every key and value is one; there is no baseline {place} to hold it against")
        return
    for line in held(found, open_any(place)):
        terminal.say(one_line(line))
    terminal.say(f"{policy}: can be held against {place}")


def _suite_with_gate(candidate: tuple[str, ...]) -> Policy | None:
    """The policy of a suite that has one."""
    from evalkit.cli.suite_file import gate_of

    path = Path(candidate[0])
    return gate_of(path) if path.suffix in (".yaml", ".yml") and path.is_file() else None


def _baseline(given: dict[str, Any], policy: Policy) -> Opened:
    from evalkit.comparing.gates import open_any, open_ref

    path = given["baseline"] or (Path(policy.baseline) if policy.baseline else BASELINE)
    if given["baseline_ref"]:
        return open_ref(given["baseline_ref"], path)
    if not path.exists():
        raise UsageError(
            f"there is no baseline {path}", fix="evalkit baseline save RUN makes one; --baseline names another place"
        )
    return open_any(path)


def _rule(given: dict[str, Any]) -> Rule | None:
    """How a gate in batches decides; None where all samples are run at once."""
    from evalkit.comparing.gates.look_rules import AdaptiveLooks, ScheduledLooks

    if given["budget"] is not None and (given["adaptive"] or given["sequential"] is not None):
        raise UsageError("--budget chooses the samples at once, looks ask them in parts", fix="leave one of them out")
    if given["adaptive"] and given["sequential"] is not None:
        raise UsageError("--adaptive and --sequential exclude each other", fix="leave one of them out")
    if given["adaptive"]:
        return AdaptiveLooks()
    return None if given["sequential"] is None else ScheduledLooks.of(given["sequential"])


def _report(
    candidate: tuple[str, ...], given: dict[str, Any], baseline: Opened, policy: Policy
) -> tuple[GateReport, Path | None]:
    """(report, the candidate's run). What is not there yet is run, once nothing speaks against a verdict."""
    from evalkit.comparing.gates import gate
    from evalkit.comparing.gates.preflight import preflight

    found = _finished(candidate, given)
    if found is not None:
        return gate(found, baseline, policy), Path(candidate[0])
    plan = _plan(candidate, given, policy)
    ready = preflight(plan, baseline, policy)
    if ready.report.incomparable:
        return ready.report, None
    plan, before = ready.plan, ready.report
    chosen = ""
    if given["budget"] is not None:
        plan, policy, chosen = _within(plan, given["budget"], baseline, policy, ready.pairs)
        before = preflight(plan, baseline, policy).report
    if given["dry_run"]:
        _show_costs(plan, before, baseline, chosen)
        raise click.exceptions.Exit(0)
    _tell(before, quiet=given["quiet"])
    report, folder = _run(plan, given, baseline, policy)
    report.expected, report.chosen = before.expected, chosen
    return report, folder


def _within(
    plan: RunPlan, budget: float, baseline: Opened, policy: Policy, pairs: list[PairedTask]
) -> tuple[RunPlan, Policy, str]:
    """The plan and the policy for the samples that a budget chooses, and these in words."""
    from dataclasses import replace

    from evalkit.comparing.gates.budget import choose
    from evalkit.comparing.gates.spending import prices
    from evalkit.runs.execution import forecasts

    if not budget > 0.0:
        raise UsageError("--budget is a number of US dollars above 0", found=f"{budget:g}")
    ((model, asked),) = forecasts(plan)
    found = choose(pairs, policy, prices(model, asked, baseline), budget)
    return replace(plan, samples=found.samples), replace(policy, common_samples=True), found.words


def _show_costs(plan: RunPlan, before: GateReport, baseline: Opened, chosen: str) -> None:
    """What the candidate would cost in money and time, and what the gate could tell."""
    from evalkit.cli.rendering.dry_run import show_forecasts
    from evalkit.comparing.gates.spending import seconds
    from evalkit.core.formatting import duration
    from evalkit.runs.execution import forecasts

    found = forecasts(plan)
    for model, asked in found:
        taken = seconds(model, asked, baseline)
        shown = "the baseline does not say how long a sample takes" if math.isnan(taken) else f"about {duration(taken)}"
        terminal.say(f"time: {shown}")
    if chosen:
        terminal.say(f"budget: {chosen}")
    _tell(before, quiet=False)
    show_forecasts(found, "the same command without --dry-run")


def _tell(before: GateReport, *, quiet: bool) -> None:
    """What an unchanged model can expect, said before anything is asked. No margin is taken from it."""
    from evalkit.comparing.gates.outputs.sentences import expected

    for line in () if quiet else expected(before):
        terminal.say(one_line(f"before: {line}"), err=True)


def _run(plan: RunPlan, given: dict[str, Any], baseline: Opened, policy: Policy) -> tuple[GateReport, Path]:
    from evalkit.comparing.gates import gate
    from evalkit.comparing.gates.candidate import run_now

    if (rule := _rule(given)) is not None:
        from evalkit.comparing.gates.looks import run_in_looks

        return run_in_looks(plan, baseline, policy, rule, _watcher(given))
    opened, folder = run_now(plan, _watcher(given))
    return gate(opened, baseline, policy), folder


def _finished(candidate: tuple[str, ...], given: dict[str, Any]) -> Opened | None:
    """The candidate that was run already; None for one that is still to be run."""
    from evalkit.comparing.gates.candidate import is_there, opened

    there = [is_there(Path(name)) for name in candidate]
    if all(there):
        if given["models"]:
            raise UsageError("a run that is there has its model", found="--model", fix="leave --model out")
        rule = _rule(given)
        said = {rule.flag if rule is not None else "": rule, "--budget": given["budget"], "--dry-run": given["dry_run"]}
        for flag in (flag for flag, value in said.items() if value):
            raise UsageError("a run that is there is not asked again", found=flag, fix=f"leave {flag} out")
        return opened([Path(name) for name in candidate])
    if any(there):
        raise UsageError("runs and tasks together are no candidate", found=" ".join(candidate), fix="one or the other")
    for name in candidate:
        if not given["models"] and not name.endswith((".yaml", ".yml")):
            raise UsageError(
                f"{name} is no run folder, and without --model it can't be run",
                fix="a run folder; a suite file; or tasks with --model MODEL",
            )
    return None


def _plan(candidate: tuple[str, ...], given: dict[str, Any], policy: Policy) -> RunPlan:
    from evalkit.cli.plan_from_words import plan_from
    from evalkit.comparing.gates.freshness import fresh
    from evalkit.runs.options import seconds_of

    plan = plan_from(candidate, given)
    return fresh(plan, policy, seconds_of(given["max_age"]) if given["max_age"] is not None else None)


def _watcher(given: dict[str, Any]) -> Any:
    from evalkit.cli.rendering.progress import progress

    return progress(quiet=given["quiet"])


_NOT_REPEATED = ("tasks", "common_samples", "max_age", "markdown", "junit", "json_file", "github", "quiet", "out")


def _said(candidate: tuple[str, ...], baseline: Opened) -> Command:
    """This command, as far as it was said, without what chooses tasks and samples or where the answer goes."""
    from click.core import ParameterSource

    from evalkit.comparing.gates.ways_out import Command

    context = click.get_current_context()
    words: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        said = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if not said or not isinstance(parameter, click.Option) or name in _NOT_REPEATED:
            continue
        value = context.params[name]
        for one in value if isinstance(value, tuple) else (value,):
            words += [parameter.opts[-1]] if parameter.is_flag else [parameter.opts[-1], str(one)]
    # `main:baseline.evalkit` is the file of that name on another branch.
    ref = context.params["baseline_ref"]
    return Command(candidate, tuple(words), baseline.name.removeprefix(f"{ref}:") if ref else baseline.name)


def _next(report: GateReport, baseline: Opened, said: Command, folder: Path | None) -> tuple[str, ...]:
    """The commands that help, or that show more of what is wrong."""
    from evalkit.comparing.gates.ways_out import ways_out

    if report.incomparable:
        return ways_out(report, baseline, said, folder)
    if report.exit_code == 0 or folder is None:
        return ()
    place = shlex.quote(str(folder))
    if baseline.run is None:
        return (f"evalkit show {place} --wrong", f"evalkit gate plan {shlex.quote(baseline.name)}")
    sample = next((row.worse[0] for row in report.rows if row.worse), "")
    explain = f" --explain {shlex.quote(sample)}" if sample else ""
    return (f"evalkit compare {shlex.quote(baseline.name)} {place}{explain}",)


def _write(report: GateReport, given: dict[str, Any]) -> None:
    from evalkit.cli.rendering.output import console
    from evalkit.comparing.gates import outputs

    if str(given["json_file"]) == "-":
        emit_json(outputs.to_json(report))
    else:
        outputs.show(console(), report)
    forms = (("markdown", outputs.markdown), ("junit", outputs.junit), ("json_file", outputs.to_json))
    for name, form in forms:
        path = given[name]
        if path is not None and str(path) != "-":
            try:
                path.write_text(form(report), encoding="utf-8")
            except OSError as error:
                raise RunError(f"cannot write {path}: {error.strerror}") from None
    inside = os.environ.get("GITHUB_ACTIONS") == "true"
    if given["github"] if given["github"] is not None else inside:
        for line in outputs.workflow_commands(report):
            terminal.command(line)
        outputs.summarise(report, os.environ)
