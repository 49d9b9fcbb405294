"""What a gate can refuse before its candidate is asked: tasks, rows, prompts, settings, scorers, judge, the policy.

The plan is prepared as a run prepares it, so that every sample and prompt is there; the answers that are missing are
taken to be the baseline's own. The same checks then look at it that look at a finished run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evalkit.comparing import Column, PairedTask, TaskSide
from evalkit.comparing.gates.assess import questions
from evalkit.comparing.gates.expectation import expectations
from evalkit.comparing.gates.gate import integrity, report_of
from evalkit.comparing.gates.opening import Opened
from evalkit.comparing.gates.outputs import sentences
from evalkit.comparing.gates.policy import Policy
from evalkit.comparing.gates.report import GateReport
from evalkit.comparing.side import COSTS
from evalkit.core import UsageError, Validity
from evalkit.data import huggingface
from evalkit.runs.execution import Session, sessions
from evalkit.runs.plan import RunPlan
from evalkit.runs.runner import PreparedTask
from evalkit.runs.runner.attempt import prompt_digest, sample_digest
from evalkit.runs.runner.collect import metrics_of

if TYPE_CHECKING:
    from evalkit.core import Metric


@dataclass(frozen=True, slots=True)
class Preflight:
    """What is known before the candidate is asked: a `report` without rows, the tasks in `pairs` of the baseline and
    the candidate to come, and the `plan` of what has to be run: the tasks that the policy covers."""

    report: GateReport
    pairs: list[PairedTask]
    plan: RunPlan


def preflight(plan: RunPlan, baseline: Opened, policy: Policy) -> Preflight:
    """Hold a plan against the baseline.

    The report is `incomparable` where the gate would refuse the candidate, and says what an unchanged model could
    expect where not.

    Asks no model, except a server what it can do. Raises UsageError for mistakes in names, data and options, and for a
    policy that cannot be held: a metric, slice or limit that is not there, a margin beyond its bounds.
    """
    if len(plan.models) != 1:
        raise UsageError("a gate has one candidate", found=f"{len(plan.models)} models", fix="gate them one by one")
    with huggingface.offline(plan.settings.data.offline):
        (session,) = sessions(plan)
        candidate = expected(session, baseline)
    pairs, notes = integrity(candidate, baseline, policy)
    report = report_of(candidate, baseline, policy, notes)
    report.answers = None
    if not report.incomparable:
        questions(pairs, policy)
        report.expected = expectations(pairs, policy)
    return Preflight(report, pairs, _covered(plan, candidate, policy))


def _covered(plan: RunPlan, candidate: Opened, policy: Policy) -> RunPlan:
    """The plan without tasks that no decision looks at; a suite that is a separate task stays whole."""
    specs = {side.facts["task"]: policy.covers(name) for name, side in candidate.sides.items()}
    kept = tuple(task for task in plan.tasks if not isinstance(task, str) or specs.get(task, True))
    return replace(plan, tasks=kept)


def held(policy: Policy, baseline: Opened) -> list[str]:
    """What the policy asks, a line a decision. Raises UsageError where it cannot be held against the baseline.

    Slices are not looked at: a baseline file does not keep the groups of its samples.
    """
    known = replace(
        policy, tasks={name: replace(task, slices={}) for name, task in policy.tasks.items()}, max_failures=1.0
    )
    pairs, _ = integrity(baseline, baseline, known)
    for paired in pairs:
        paired.candidate = replace(paired.candidate, costs={name: np.ones(paired.candidate.n) for name in COSTS})
    lines = []
    for question in questions(pairs, known):
        row = question.row(question.decide(question.limits))
        limits = question.limits
        asked = "no sample may get worse" if limits.zero_tolerance else f"margin {sentences.margin(row)}"
        lines.append(f"{row.name} {row.metric}: {asked}, confidence {limits.confidence:g}")
    return lines


def expected(session: Session, baseline: Opened) -> Opened:
    """The candidate that a session will make, with the baseline's answers: what an identical model would be."""
    sides = {task.name: _side(task, session, baseline.sides.get(task.name)) for task in session.tasks}
    return Opened("not run yet", sides)


def _side(task: PreparedTask, session: Session, baseline: TaskSide | None) -> TaskSide:
    side = TaskSide(
        name=task.name,
        model=task.identity["model"],
        origin="",
        harness="evalkit",
        version="" if baseline is None else baseline.version,
        primary_metric=task.task.primary_metric,
        facts=dict(task.identity),
        toy=task.toy,
        fixed=session.model.identity.fixed,
    )
    for work in task.work():
        sample, prompt = work.attempt.sample, work.attempt.prompt
        side.ids.append(sample.id)
        side.repeats.append(work.attempt.repeat)
        failed = work.failure is not None
        # A row that cannot be read has neither: it is counted among what cannot be measured.
        side.asked.append("" if failed else sample_digest(sample))
        side.prompted.append("" if failed else prompt_digest(prompt))
        side.texts.append("")
        side.validity.append((Validity.DATA_ERROR if failed else Validity.OK).value)
        side.clusters.append(sample.cluster)
        side.groups.append(sample.groups)
    _answer(side, metrics_of(task.task), baseline)
    return side


def _answer(side: TaskSide, metrics: tuple[Metric, ...], baseline: TaskSide | None) -> None:
    """Give it the baseline's scores, sample by sample, under its own metrics, and costs where a policy limits them."""
    keys = zip(baseline.ids, baseline.repeats, strict=True) if baseline is not None else ()
    places = {key: place for place, key in enumerate(keys)}
    chosen = [places.get(key, -1) for key in zip(side.ids, side.repeats, strict=True)]
    for metric in metrics:
        rows = np.full((side.n, metric.width), math.nan)
        known = None if baseline is None else baseline.columns.get(metric.name)
        if known is not None and known.width == metric.width:
            padded = np.vstack([known.rows, np.full((1, metric.width), math.nan)])
            rows = padded[chosen]
        side.columns[metric.name] = Column.of(metric, rows)
    if not side.primary_metric and metrics:
        side.primary_metric = metrics[0].name
    side.costs = {name: np.ones(side.n) for name in COSTS}
