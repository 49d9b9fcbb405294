"""What a sample costs, held against the baseline: seconds, tokens, money, and replies without a valid answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from evalkit.comparing.gates.decide import decide, decide_moments
from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.outcomes import GateOutcome, GateVerdict, Pairs
from evalkit.comparing.gates.policy import Policy
from evalkit.comparing.gates.question import Question
from evalkit.comparing.gates.report import GateRow
from evalkit.comparing.pairing import PairedTask
from evalkit.comparing.side import MeanCost, TaskSide
from evalkit.core import UsageError, Validity
from evalkit.stats.moments import Moments
from evalkit.stats.verdict import Verdict

if TYPE_CHECKING:
    from evalkit.core import FloatRows


def ceilings(paired: PairedTask, policy: Policy) -> list[Question]:
    """A question for each of the policy's ceilings: the margin is the allowed rise times the baseline's mean.

    Samples are paired where both sides keep what each took. A baseline file keeps mean, deviation and number: the means
    are then compared, each with its error. Raises UsageError where a side does not say what a sample took.
    """
    return [_ceiling(paired, policy, name, rise) for name, rise in policy.ceilings.items()]


def _ceiling(paired: PairedTask, policy: Policy, name: str, rise: float) -> Question:
    confidence = policy.limits(paired.name, "number", 0.0).confidence
    before, after = _taken(paired.baseline, paired.left, name), _taken(paired.candidate, paired.right, name)
    known = _mean_cost(paired.baseline, name) if before is None else None
    if before is None:
        before = np.zeros(len(paired.ids)) if known is not None else np.full(len(paired.ids), math.nan)
    if after is None:
        after = np.full(len(paired.ids), math.nan)
    both = np.isfinite(before) & np.isfinite(after)
    if not both.any():
        raise UsageError(f"task {paired.name!r}: the runs do not say what a sample took in {name}")
    lost = int((~both).sum())

    def row(verdict: GateVerdict) -> GateRow:
        shown = replace(verdict, mcnemar_p=None)
        return GateRow(
            paired.name, f"{name} per sample", shown, "ceiling", "", "number", higher_is_better=False, errored=lost
        )

    if known is not None:
        limits = GateLimits(rise * known.mean, confidence)
        made, level = _of_means(known, after[both]), float(after[both].mean())
        return Question(row, lambda asked: _decided(made, asked, known, level), limits)
    # A sample can take nothing at all, and is not expected to take more than the dearest that was seen.
    ends = (0.0, float(max(before[both].max(), after[both].max())))
    pairs = Pairs(before[both], after[both], higher_is_better=False, ends=ends)
    return Question(row, lambda asked: decide(pairs, asked), GateLimits(rise * float(before[both].mean()), confidence))


def _decided(found: Moments, limits: GateLimits, known: MeanCost, level: float) -> GateVerdict:
    made = decide_moments(found, limits, before=known.mean, after=level, higher_is_better=False)
    how = "two means" if known.n else "two means, the baseline's deviation not kept: the candidate's taken for it"
    return made.with_how(how)


def _of_means(known: MeanCost, after: FloatRows) -> Moments:
    """The difference of two independent means as moments, with Welch and Satterthwaite's degrees of freedom.

    Turned so that a rise is a loss. Where a file of an older evalkit keeps the mean alone, the candidate's deviation
    and number are taken for the baseline's, too.
    """
    n = len(after)
    sd = float(after.std(ddof=1)) if n > 1 else math.nan
    other, others = (known.sd, known.n) if known.n else (sd, n)
    parts = [(sd**2 / n, n - 1), (other**2 / others, others - 1)]
    variance = sum(part for part, _ in parts)
    below = sum(part**2 / spare for part, spare in parts if part > 0.0 and spare > 0)
    rise = float(after.mean()) - known.mean
    most = max(float(after.max()), known.mean)
    return Moments(
        n=np.asarray(float(n)),
        gains=np.asarray(max(-rise, 0.0) * n),
        losses=np.asarray(max(rise, 0.0) * n),
        single=np.asarray(variance * n**2),
        spread=np.asarray(variance * n**2),
        third=np.asarray(0.0),
        kish=np.asarray(1.0),
        freedom=np.asarray(variance**2 / below if below > 0.0 else float(n - 1)),
        clusters=np.asarray(float(n)),
        down=most,
        up=most,
        plain=False,
    )


def _mean_cost(side: TaskSide, name: str) -> MeanCost | None:
    """What a baseline file keeps; tokens are those of the prompt and the reply, their deviations taken as one."""
    kept = [side.mean_costs.get(part) for part in ("prompt_tokens", "completion_tokens")]
    if name != "tokens":
        return side.mean_costs.get(name)
    one, two = kept
    if one is None or two is None:
        return one or two
    return MeanCost(one.mean + two.mean, one.sd + two.sd, min(one.n, two.n))


def _taken(side: TaskSide, places: Sequence[Sequence[int]], name: str) -> FloatRows | None:
    """What every sample took, its repeats averaged; None where the side keeps no more than a mean."""
    parts = ("prompt_tokens", "completion_tokens") if name == "tokens" else (name,)
    known = [side.costs[part] for part in parts if part in side.costs]
    if not known:
        return None
    whole = np.sum(known, axis=0)
    return np.asarray([float(np.mean(whole[list(copies)])) for copies in places])


def invalid_replies(paired: PairedTask, policy: Policy) -> GateRow | None:
    """The proportion of replies without a valid answer, held against its ceiling as it was counted."""
    most = policy.invalid_proportion
    if most is None:
        return None
    proportions = []
    for side in (paired.baseline, paired.candidate):
        measured = [Validity(value) for value in side.validity if not Validity(value).is_measurement_failure]
        proportions.append(sum(value is not Validity.OK for value in measured) / max(1, len(measured)))
    over = proportions[1] > most
    reason = f"{100 * proportions[1]:.1f} % of the replies are invalid; {100 * most:g} % are allowed"
    n, before, after = paired.candidate.n, proportions[0], proportions[1]
    counted = Verdict.unknown("counted", n, n, value=after - before)
    outcome = GateOutcome.FAIL if over else GateOutcome.PASS
    verdict = GateVerdict(outcome, before, after, counted, most, reason)
    return GateRow(paired.name, "invalid replies", verdict, "ceiling", "", "proportion", higher_is_better=False)
