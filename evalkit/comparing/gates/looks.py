"""A gate that runs its candidate in batches and stops as soon as every task is decided.

Every look adds a random part of the samples (whole clusters), drawn by a hash of their ids; what was asked before
comes from the response cache. A rule (`gates.look_rules`) decides, so that looking often costs no error rate.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from evalkit import models
from evalkit.comparing import PairedTask, TaskSide
from evalkit.comparing.gates import GateLimits, GateOutcome, GateVerdict
from evalkit.comparing.gates.assess import baseline_value, flips, pairs_of, row_of
from evalkit.comparing.gates.candidate import HeldOpen
from evalkit.comparing.gates.correction import weakened
from evalkit.comparing.gates.freshness import stale
from evalkit.comparing.gates.gate import paired, report_of
from evalkit.comparing.gates.integrity import IntegrityFinding, findings
from evalkit.comparing.gates.look_rules import Rule
from evalkit.comparing.gates.opening import Opened, open_run
from evalkit.comparing.gates.policy import Policy
from evalkit.comparing.gates.report import GateReport, GateRow
from evalkit.comparing.pairing import is_per_sample, values_of
from evalkit.core import UsageError, claims
from evalkit.models.objects import declared
from evalkit.runs.execution import run_plan
from evalkit.runs.plan import RUNS, RunPlan
from evalkit.runs.runner import Progress


@dataclass(slots=True)
class _State:
    rows: dict[str, GateRow] = field(default_factory=dict)
    findings: list[IntegrityFinding] = field(default_factory=list)
    asked: int = 0


def run_in_looks(
    plan: RunPlan, baseline: Opened, policy: Policy, rule: Rule, progress: Progress
) -> tuple[GateReport, Path]:
    """(report, folder of the last look's run). Raises UsageError for what cannot be decided in looks."""
    _check(plan, policy, rule)
    sizes = [(len(one), len(set(one.values()))) for one in map(_clusters, baseline.sides.values())]
    (asked,) = plan.models
    held = HeldOpen(declared(models.resolve(asked, project=plan.project) if isinstance(asked, str) else asked))
    out = plan.out or claims.new_folder(RUNS)
    state = _State()
    candidate, tasks = Opened("", {}), plan.tasks
    used, last = 0, False
    try:
        while not last:
            proportion = rule.proportion(used, sizes)
            used, last = used + 1, proportion >= 1.0
            settings = replace(plan.settings, proportion=proportion)
            part = replace(plan, models=(held,), tasks=tasks, settings=settings, out=out / f"look-{used}")
            (run,) = run_plan(part, progress)
            candidate = open_run(run)
            spec_of = {entry.name: entry.spec for entry in run.manifest.tasks}
            open_tasks = _look(state, candidate, baseline, policy, rule, used - 1, last)
            if not open_tasks:
                break
            tasks = tuple(task for task in tasks if not isinstance(task, str) or task in map(spec_of.get, open_tasks))
    finally:
        claims.abandon(out)
        asyncio.run(held.really_close())
    state.findings += stale(candidate, baseline, policy, plan.begun)
    words = rule.words(used, state.asked)
    report = report_of(candidate, baseline, policy, state.findings, looks=words, began=plan.begun)
    if not report.incomparable:
        report.rows = list(state.rows.values())
    return report, out / f"look-{used}"


def _check(plan: RunPlan, policy: Policy, rule: Rule) -> None:
    if not plan.cache:
        raise UsageError(f"{rule.flag} needs the response cache, or every look would ask again", fix="no --no-cache")
    if len(plan.models) != 1:
        raise UsageError("a gate has one candidate", found=f"{len(plan.models)} models", fix="gate them one by one")
    if policy.mean is not None:
        raise UsageError(f"{rule.flag} decides single tasks", found="a margin of their mean", fix="leave one out")
    if policy.ceilings or policy.invalid_proportion is not None or any(task.slices for task in policy.tasks.values()):
        raise UsageError(
            f"{rule.flag} decides scores of whole tasks", found="slices or limits in the policy", fix="leave one out"
        )


def _clusters(side: TaskSide) -> dict[str, str]:
    """Sample to its cluster, or to itself where it is alone."""
    return {sample: cluster or f"\0{sample}" for sample, cluster in zip(side.ids, side.clusters, strict=True)}


def _look(
    state: _State, candidate: Opened, baseline: Opened, policy: Policy, rule: Rule, look: int, last: bool
) -> list[str]:
    """Decide what can be decided; the names of the tasks that must go on."""
    names = tuple(candidate.sides)
    pairs, notes = paired(candidate, baseline, replace(policy, only=names) if look else policy)
    pairs = [pair for pair in pairs if pair.name in candidate.sides]
    for pair in pairs:
        found = findings(pair, max_failures=policy.max_failures, common_samples=not last)
        notes += [one for one in found if one.level != "note" or "samples are missing" not in one.what]
    state.findings = [*[old for old in state.findings if old.task not in names], *notes]
    if any(note.level == "incomparable" for note in state.findings):
        return []
    total = len(pairs) + sum(1 for name in state.rows if name not in names)
    still = []
    for pair in pairs:
        row = _row(pair, policy, rule, look, total, last=last)
        state.rows[pair.name] = row
        if row.verdict.outcome.is_open and not last:
            still.append(pair.name)
    state.asked = sum(int(row.verdict.n) for row in state.rows.values())
    # One regression decides the gate, whatever the other tasks would say.
    failed = any(row.verdict.outcome is GateOutcome.FAIL for row in state.rows.values())
    return [] if failed else still


def _row(pair: PairedTask, policy: Policy, rule: Rule, look: int, total: int, *, last: bool) -> GateRow:
    metric = policy.of(pair.name).metric or pair.primary_metric
    column = pair.candidate.columns.get(metric)
    if column is None or metric not in pair.baseline.columns:
        raise UsageError(f"task {pair.name!r} has no metric {metric!r}", found=", ".join(pair.metrics))
    if not is_per_sample(pair, metric):
        raise UsageError(f"{rule.flag} decides means; {metric} of {pair.name!r} is none", fix=f"no {rule.flag}")
    pairs, values = pairs_of(pair, metric), values_of(pair, metric)
    limits = policy.limits(pair.name, column.scale, baseline_value(pair, metric))
    largest = max(Counter(_clusters(pair.baseline).values()).values())

    def decided(asked: GateLimits) -> GateVerdict:
        return rule.decide(pairs, asked, look, last=last, largest=largest)

    verdict = _decided(decided, limits, total)
    blocks = False
    if policy.degraded_blocks and verdict.outcome is GateOutcome.DEGRADED:
        # As for failures: what stops the job has to hold among all the tasks.
        strict = replace(limits, any_drop_blocks=True, confidence=1.0 - limits.alpha / total)
        blocks = decided(strict).outcome is GateOutcome.FAIL
    return row_of(pair, metric, verdict, flips(pair, metric), blocks=blocks, errored=values.errored)


def _decided(decided: Callable[[GateLimits], GateVerdict], limits: GateLimits, total: int) -> GateVerdict:
    """A look's verdict. What blocks has to hold at α over the number of tasks (Bonferroni)."""
    verdict = decided(limits)
    if not verdict.outcome.blocks or total < 2 or limits.zero_tolerance:
        return verdict
    strict = replace(limits, confidence=1.0 - limits.alpha / total)
    return weakened(verdict, decided(strict).outcome, f"the correction for {total} tasks")
