"""What blocks a job must hold among all that was decided: Holm's correction over the rows of a gate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from evalkit.comparing.gates.outcomes import GateOutcome, GateVerdict
from evalkit.comparing.gates.question import Question
from evalkit.comparing.gates.report import GateRow


def corrected(questions: Sequence[Question], verdicts: Sequence[GateVerdict]) -> list[GateVerdict]:
    """Holm's step-down over the rows that FAIL or are WORSE alone.

    A row makes one or two claims, "it got worse" and "by more than the margin", of which the second implies the first.
    Rows whose stronger claim holds at α over the number of rows left are set aside, until no more are; what the others
    claim has to hold at the last level. Then the chance that any row's claim is false is at most α: until the first
    false one is accepted, every row with a false claim is still counted.
    """
    total = len(questions)
    found = list(verdicts)
    claiming = [
        place
        for place, (question, verdict) in enumerate(zip(questions, verdicts, strict=True))
        if verdict.outcome.blocks and not question.limits.zero_tolerance
    ]
    if total < 2 or not claiming:
        return found
    rejected: set[int] = set()
    strict: dict[int, GateOutcome] = {}
    while len(rejected) < len(claiming):
        strict = {place: _outcome_at(questions[place], total - len(rejected)) for place in claiming}
        more = {place for place, outcome in strict.items() if outcome is GateOutcome.FAIL} - rejected
        if not more:
            break
        rejected |= more
    for place in claiming:
        kept = GateOutcome.FAIL if place in rejected else strict[place]
        left = weakened(found[place], kept, f"Holm's correction for {total} decisions")
        found[place] = replace(left, found=replace(left.found, correction=f"Holm over {total} decisions"))
    return found


def weakened(verdict: GateVerdict, strict: GateOutcome, correction: str) -> GateVerdict:
    """What is left of FAIL or WORSE, given the outcome at the corrected level; the reason says what was not shown."""
    if verdict.outcome is strict or strict is GateOutcome.FAIL:
        return verdict
    if strict is GateOutcome.WORSE:
        reason = f"It got worse; it is worse than the margin by itself, but not after {correction}."
        return replace(verdict, outcome=GateOutcome.WORSE, reason=reason)
    beyond = verdict.outcome is GateOutcome.FAIL and min(abs(verdict.low), abs(verdict.high)) > verdict.margin
    what = "worse than the margin" if beyond else "worse"
    reason = f"{what} by itself, but not after {correction}"
    return replace(verdict, outcome=GateOutcome.INCONCLUSIVE, reason=reason)


def blocking(rows: Sequence[GateRow], questions: Sequence[Question]) -> list[GateRow]:
    """Mark the DEGRADED rows whose drop stays significant after Holm's correction over all rows."""
    from evalkit.stats.multiple import holm

    one_sided = [row.verdict.p_value / 2.0 if math.isfinite(row.verdict.p_value) else 1.0 for row in rows]
    adjusted = holm(one_sided)
    return [
        replace(row, blocks=True)
        if row.verdict.outcome is GateOutcome.DEGRADED and float(p) < question.limits.alpha
        else row
        for row, question, p in zip(rows, questions, adjusted, strict=True)
    ]


def _outcome_at(question: Question, rows: int) -> GateOutcome:
    limits = replace(question.limits, confidence=1.0 - question.limits.alpha / rows)
    return question.decide(limits).outcome
