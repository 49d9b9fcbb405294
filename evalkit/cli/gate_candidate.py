"""The two sides of `evalkit gate run`: the baseline, and the candidate, which evalkit runs first if need be."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalkit.core import UsageError, terminal
from evalkit.core.outside_text import one_line

if TYPE_CHECKING:
    from evalkit.comparing import PairedTask
    from evalkit.comparing.gates import Opened
    from evalkit.comparing.gates.look_rules import Rule
    from evalkit.comparing.gates.policy import Policy
    from evalkit.comparing.gates.report import GateReport
    from evalkit.runs.plan import RunPlan

__all__ = ["BASELINE", "baseline_of", "report_of", "suite_with_gate"]

BASELINE = Path("baseline.evalkit")
"""The baseline file where none is named."""


def suite_with_gate(candidate: tuple[str, ...]) -> Policy | None:
    """The policy of a suite that has one."""
    from evalkit.cli.suite_file import gate_of

    path = Path(candidate[0])
    return gate_of(path) if path.suffix in (".yaml", ".yml") and path.is_file() else None


def baseline_of(given: dict[str, Any], policy: Policy) -> Opened:
    from evalkit.comparing.gates import open_any, open_ref

    path = given["baseline"] or (Path(policy.baseline) if policy.baseline else BASELINE)
    if given["baseline_ref"]:
        return open_ref(given["baseline_ref"], path)
    if not path.exists():
        raise UsageError(
            f"baseline {path} does not exist", fix="evalkit baseline save RUN writes it; --baseline names another file"
        )
    return open_any(path)


def _rule(given: dict[str, Any]) -> Rule | None:
    """How a gate in batches decides; None where all samples are run at once."""
    from evalkit.comparing.gates.look_rules import AdaptiveLooks, ScheduledLooks

    if given["budget"] is not None and (given["adaptive"] or given["sequential"] is not None):
        raise UsageError("--budget does not go with --adaptive or --sequential", fix="use one of them")
    if given["adaptive"] and given["sequential"] is not None:
        raise UsageError("--adaptive does not go with --sequential", fix="use one of them")
    if given["adaptive"]:
        return AdaptiveLooks()
    return None if given["sequential"] is None else ScheduledLooks.of(given["sequential"])


def report_of(
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
        raise UsageError("--budget must be a number of US dollars above 0", found=f"{budget:g}")
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
        shown = (
            "unknown: the baseline does not say how long a sample takes"
            if math.isnan(taken)
            else f"about {duration(taken)}"
        )
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
            raise UsageError("a finished run already has its model", found="--model", fix="leave --model out")
        rule = _rule(given)
        said = {rule.flag if rule is not None else "": rule, "--budget": given["budget"], "--dry-run": given["dry_run"]}
        for flag in (flag for flag, value in said.items() if value):
            raise UsageError("a finished run is not run again", found=flag, fix=f"leave {flag} out")
        return opened([Path(name) for name in candidate])
    if any(there):
        raise UsageError("a candidate is runs or tasks, not both", found=" ".join(candidate), fix="one or the other")
    for name in candidate:
        if not given["models"] and not name.endswith((".yaml", ".yml")):
            raise UsageError(
                f"{name} is not a run folder, and evalkit cannot run it without --model",
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
