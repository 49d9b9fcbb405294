"""Where a candidate's answers came from: asked now, or kept by the response cache since an earlier run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from evalkit.comparing import TaskSide
from evalkit.comparing.gates.integrity import IntegrityFinding
from evalkit.comparing.gates.opening import Opened
from evalkit.comparing.gates.policy import Policy
from evalkit.runs.plan import RunPlan

_SECOND = 1.0
"""A baseline file keeps times to the second."""


@dataclass(frozen=True, slots=True)
class Answers:
    """How many answers a candidate has, how many of them `cached`: made before its run began; and when the oldest of
    these was made (in UTC, "" where that is not known). `mutable`: its identity names a model and pins none."""

    total: int
    cached: int
    oldest: str = ""
    mutable: bool = False

    @property
    def words(self) -> str:
        """`90, of which 12 came from the cache (the oldest of 2026-01-03 14:05 UTC)`."""
        if not self.cached:
            return f"{self.total:,}, none of them from the cache"
        which = "all" if self.cached == self.total else f"{self.cached:,}"
        since = f" (the oldest of {self.oldest})" if self.oldest else ""
        return f"{self.total:,}, of which {which} came from the cache{since}"


def fresh(plan: RunPlan, policy: Policy, max_age: float | None = None) -> RunPlan:
    """A plan whose mutable models are asked again for what they answered longer ago than the policy allows: for
    everything, by default. `max_age` (seconds) was asked for on the command line."""
    return replace(plan, max_age=policy.max_age if max_age is None else max_age)


def answers(sides: Sequence[TaskSide], began: float | None = None) -> Answers | None:
    """What the sides of a candidate say of their answers; None where they keep no times. `began`: the run's begin,
    where it is not the sides' own (a gate that looks several times has a run a look)."""
    made = [time for side in sides for time in side.made if not math.isnan(time)]
    if not made:
        return None
    earlier = [time for side in sides for time in _earlier(side, began)]
    known = [time for time in earlier if time > 0.0]
    oldest = f"{datetime.fromtimestamp(min(known), UTC):%Y-%m-%d %H:%M} UTC" if known else ""
    return Answers(len(made), len(earlier), oldest, mutable=not all(side.fixed for side in sides))


def stale(candidate: Opened, baseline: Opened, policy: Policy, began: float | None = None) -> list[IntegrityFinding]:
    """What the answers of a mutable model say against a verdict: where they may be the baseline's own.

    They may be where both sides have one identity and the cache had the answer when the baseline was measured. If that
    is so of all answers of a task, the candidate was never asked, and there is no verdict, or a warning where the
    policy says so.
    """
    found = []
    for name, side in candidate.sides.items():
        before = baseline.sides.get(name)
        if side.fixed or before is None or before.model != side.model:
            continue
        earlier = _earlier(side, began)
        # Without a time of the baseline's answers, any kept one may be one of them.
        last = before.answered + _SECOND if math.isfinite(before.answered) else math.inf
        same = sum(time <= last for time in earlier)
        total = sum(not math.isnan(time) for time in side.made)
        if not same:
            continue
        which = f"all {total:,} answers" if same == total else f"{same:,} of {total:,} answers"
        what = f"{which} of {side.model} came from the cache and are as old as the baseline's: whatever answers by that"
        what += " name now was not asked"
        refused = same == total and not policy.stale_passes
        found.append(IntegrityFinding(name, "incomparable" if refused else "warn", what, cause="stale"))
    return found


def _earlier(side: TaskSide, began: float | None) -> list[float]:
    start = side.began if began is None else began
    return [time for time in side.made if time < start]
