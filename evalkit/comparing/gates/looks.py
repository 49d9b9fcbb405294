"""A gate that runs its candidate in batches and stops as soon as every task is decided.

Every look adds a random part of the samples (whole clusters), drawn by a hash of their ids; what was asked before
comes from the response cache. Levels per look come from `gates.sequential`, so that looking often costs no error rate.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path

from evalkit import models
from evalkit.comparing import PairedTask
from evalkit.comparing.gates import GateLimits, GateOutcome, GateVerdict, Pairs
from evalkit.comparing.gates.assess import baseline_value, flips, pairs_of, row_of
from evalkit.comparing.gates.candidate import HeldOpen
from evalkit.comparing.gates.correction import weakened
from evalkit.comparing.gates.gate import paired, report_of
from evalkit.comparing.gates.integrity import IntegrityFinding, findings
from evalkit.comparing.gates.opening import Opened, open_run
from evalkit.comparing.gates.policy import Policy
from evalkit.comparing.gates.report import GateReport, GateRow
from evalkit.comparing.gates.sequential import Schedule, decide_look
from evalkit.comparing.pairing import is_per_sample, values_of
from evalkit.core import UsageError, claims
from evalkit.runs.execution import run_plan
from evalkit.runs.plan import RUNS, RunPlan
from evalkit.runs.runner import Progress


@dataclass(slots=True)
class _State:
    rows: dict[str, GateRow] = field(default_factory=dict)
    findings: list[IntegrityFinding] = field(default_factory=list)
    asked: int = 0


def run_in_looks(
    plan: RunPlan, baseline: Opened, policy: Policy, looks: int, progress: Progress
) -> tuple[GateReport, Path]:
    """(report, folder of the last look's run). Raises UsageError for what cannot be decided in looks."""
    _check(plan, policy, looks)
    schedule = Schedule(tuple((look + 1) / looks for look in range(looks)))
    (asked,) = plan.models
    held = HeldOpen(models.resolve(asked, project=plan.project) if isinstance(asked, str) else asked)
    out = plan.out or claims.new_folder(RUNS)
    state = _State()
    candidate, tasks = Opened("", {}), plan.tasks
    used = looks
    try:
        for look in range(looks):
            settings = replace(plan.settings, proportion=schedule.fractions[look])
            part = replace(plan, models=(held,), tasks=tasks, settings=settings, out=out / f"look-{look + 1}")
            (run,) = run_plan(part, progress)
            candidate = open_run(run)
            spec_of = {entry.name: entry.spec for entry in run.manifest.tasks}
            open_tasks = _look(state, candidate, baseline, policy, schedule, look)
            if not open_tasks:
                used = look + 1
                break
            tasks = tuple(task for task in tasks if not isinstance(task, str) or task in map(spec_of.get, open_tasks))
    finally:
        claims.abandon(out)
        asyncio.run(held.really_close())
    words = f"{used} of {looks} looks, {state.asked:,} samples asked (O'Brien & Fleming's spending)"
    report = report_of(candidate, baseline, policy, state.findings, looks=words)
    if not report.incomparable:
        report.rows = list(state.rows.values())
    return report, out / f"look-{used}"


def _check(plan: RunPlan, policy: Policy, looks: int) -> None:
    if not 2 <= looks <= 20:
        raise UsageError("--sequential takes 2 to 20 looks", found=str(looks), fix="5")
    if not plan.cache:
        raise UsageError("--sequential needs the response cache, or every look would ask again", fix="no --no-cache")
    if len(plan.models) != 1:
        raise UsageError("a gate has one candidate", found=f"{len(plan.models)} models", fix="gate them one by one")
    if policy.mean is not None:
        raise UsageError("--sequential decides single tasks", found="a margin of their mean", fix="leave one out")
    if policy.ceilings or policy.invalid_proportion is not None or any(task.slices for task in policy.tasks.values()):
        raise UsageError(
            "--sequential decides scores of whole tasks", found="slices or limits in the policy", fix="leave one out"
        )


def _look(
    state: _State, candidate: Opened, baseline: Opened, policy: Policy, schedule: Schedule, look: int
) -> list[str]:
    """Decide what can be decided; the names of the tasks that must go on."""
    names = tuple(candidate.sides)
    pairs, notes = paired(candidate, baseline, replace(policy, only=names) if look else policy)
    pairs = [pair for pair in pairs if pair.name in candidate.sides]
    last = look == len(schedule.fractions) - 1
    for pair in pairs:
        found = findings(pair, max_failures=policy.max_failures, common_samples=not last)
        notes += [one for one in found if one.level != "note" or "samples are missing" not in one.what]
    state.findings = [*[old for old in state.findings if old.task not in names], *notes]
    if any(note.level == "incomparable" for note in state.findings):
        return []
    total = len(pairs) + sum(1 for name in state.rows if name not in names)
    still = []
    for pair in pairs:
        row = _row(pair, policy, schedule, look, total)
        state.rows[pair.name] = row
        if row.verdict.outcome.is_open and not last:
            still.append(pair.name)
    state.asked = sum(int(row.verdict.n) for row in state.rows.values())
    # One regression decides the gate, whatever the other tasks would say.
    failed = any(row.verdict.outcome is GateOutcome.FAIL for row in state.rows.values())
    return [] if failed else still


def _row(pair: PairedTask, policy: Policy, schedule: Schedule, look: int, total: int) -> GateRow:
    metric = policy.of(pair.name).metric or pair.primary_metric
    column = pair.candidate.columns.get(metric)
    if column is None or metric not in pair.baseline.columns:
        raise UsageError(f"task {pair.name!r} has no metric {metric!r}", found=", ".join(pair.metrics))
    if not is_per_sample(pair, metric):
        raise UsageError(f"--sequential decides means; {metric} of {pair.name!r} is none", fix="no --sequential")
    pairs, values = pairs_of(pair, metric), values_of(pair, metric)
    limits = policy.limits(pair.name, column.scale, baseline_value(pair, metric))
    verdict = _decided(pairs, limits, schedule, look, total)
    blocks = False
    if policy.degraded_blocks and verdict.outcome is GateOutcome.DEGRADED:
        # As for failures: what stops the job has to hold among all the tasks.
        strict = replace(limits, any_drop_blocks=True, confidence=1.0 - limits.alpha / total)
        blocks = decide_look(pairs, strict, schedule, look).outcome is GateOutcome.FAIL
    return row_of(pair, metric, verdict, flips(pair, metric), blocks=blocks, errored=values.errored)


def _decided(pairs: Pairs, limits: GateLimits, schedule: Schedule, look: int, total: int) -> GateVerdict:
    """A look's verdict. What blocks has to hold at α over the number of tasks (Bonferroni)."""
    verdict = decide_look(pairs, limits, schedule, look)
    if not verdict.outcome.blocks or total < 2 or limits.zero_tolerance:
        return verdict
    strict = replace(limits, confidence=1.0 - limits.alpha / total)
    return weakened(verdict, decide_look(pairs, strict, schedule, look).outcome, f"the correction for {total} tasks")
