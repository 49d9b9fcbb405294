"""The gate itself: integrity first, then verdicts, in one report."""

from __future__ import annotations

import time
from collections.abc import Sequence

from evalkit.comparing import PairedTask, pair_tasks
from evalkit.comparing.gates.assess import assess
from evalkit.comparing.gates.expectation import with_needed
from evalkit.comparing.gates.freshness import answers, stale
from evalkit.comparing.gates.integrity import IntegrityFinding, findings
from evalkit.comparing.gates.opening import Opened
from evalkit.comparing.gates.policy import Policy
from evalkit.comparing.gates.report import GateReport
from evalkit.core import UsageError
from evalkit.core.distribution import version


def gate(candidate: Opened, baseline: Opened, policy: Policy) -> GateReport:
    """Put a candidate to the gate. Raises UsageError for a policy that names what is not there.

    Tasks of the baseline that the candidate lacks refuse a verdict (a task that is not run cannot pass), unless the
    policy covers only others. Tasks of the candidate alone have nothing to be compared with, which is a warning.
    """
    started = time.perf_counter()
    pairs, notes = integrity(candidate, baseline, policy)
    notes += stale(candidate, baseline, policy)
    report = report_of(candidate, baseline, policy, notes)
    if not report.incomparable:
        report.rows = with_needed(assess(pairs, policy), pairs, policy)
    report.seconds = time.perf_counter() - started
    return report


def integrity(candidate: Opened, baseline: Opened, policy: Policy) -> tuple[list[PairedTask], list[IntegrityFinding]]:
    """The tasks that the policy covers, paired, and all that speaks against a verdict on them."""
    pairs, notes = paired(candidate, baseline, policy)
    for one in pairs:
        notes += findings(one, max_failures=policy.max_failures, common_samples=policy.common_samples)
    return pairs, notes


def report_of(
    candidate: Opened,
    baseline: Opened,
    policy: Policy,
    notes: Sequence[IntegrityFinding],
    *,
    looks: str = "",
    began: float | None = None,
) -> GateReport:
    """A report that has no rows yet. `began`: see `freshness.answers`."""
    return GateReport(
        baseline=f"{baseline.name} ({baseline.model})",
        candidate=f"{candidate.name} ({candidate.model})",
        findings=sorted(notes, key=lambda note: ("incomparable", "warn", "note").index(note.level)),
        confidence=policy.confidence,
        degraded_blocks=policy.degraded_blocks,
        inconclusive_blocks=policy.inconclusive_blocks,
        looks=looks,
        version=version(),
        tasks=tuple(name for name in candidate.sides if policy.covers(name)),
        answers=answers([side for name, side in candidate.sides.items() if policy.covers(name)], began),
    )


def paired(candidate: Opened, baseline: Opened, policy: Policy) -> tuple[list[PairedTask], list[IntegrityFinding]]:
    """The tasks that the policy covers, paired, and what is wrong with those that have no partner."""
    names = [*dict.fromkeys([*candidate.sides, *baseline.sides])]
    policy.check_names(names)
    before = {name: side for name, side in baseline.sides.items() if policy.covers(name)}
    after = {name: side for name, side in candidate.sides.items() if policy.covers(name)}
    pairs, missing, new = pair_tasks(before, after)
    notes = [
        IntegrityFinding(name, "incomparable", "the candidate is not run on this task of the baseline", cause="task")
        for name in missing
    ]
    notes += [IntegrityFinding(name, "warn", "the baseline has no such task: nothing is gated") for name in new]
    for opened in (baseline, candidate):
        notes += _problems(opened, pairs)
    if not pairs and not missing:
        raise UsageError(
            "there is no task that both sides have", found=f"{', '.join(before) or '–'} and {', '.join(after) or '–'}"
        )
    return pairs, notes


def _problems(opened: Opened, pairs: Sequence[PairedTask]) -> list[IntegrityFinding]:
    names = {pair.name for pair in pairs}
    return [
        IntegrityFinding(task, "warn", problem.partition(": ")[2])
        for problem in opened.problems
        if (task := problem.partition(": ")[0]) in names
    ]
