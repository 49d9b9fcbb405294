"""Gates that look several times while samples come in, and stop as soon as the verdict is clear.

Looking again and again at level α errs more often than α. Here each look takes its own, stricter level, from a
spending function (`evalkit.stats.alpha_spending`), so that all of them together err at most α: the repeated confidence
bounds of Jennison & Turnbull. Every look must add a random part of the samples; `batches` draws them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from evalkit.comparing.gates.decide import decide, outcomes
from evalkit.comparing.gates.limits import GateLimits
from evalkit.comparing.gates.outcomes import GateOutcome, GateVerdict, Pairs
from evalkit.stats.alpha_spending import Spending, nominal_levels
from evalkit.stats.clusters import renumber
from evalkit.stats.simulated_answers import Answers, Draw, draw, moments_of

if TYPE_CHECKING:
    from evalkit.core import IntArray


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a gate looks: after which `fractions` of all samples, rising to 1, and how α is spent over the looks."""

    fractions: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8, 1.0)
    spending: Spending = "obrien-fleming"

    def levels(self, alpha: float) -> tuple[float, ...]:
        """The one-sided level of every look. Raises ValueError where the fractions do not rise to 1."""
        return tuple(nominal_levels(self.fractions, alpha, self.spending))


@dataclass(frozen=True, slots=True)
class SequentialPlan:
    """What to expect of a schedule if the candidate's share has dropped by `drop`.

    `rates` are those of the verdicts, `expected_n` is the mean number of samples until a verdict, `n` the most there
    are. `stopped` is the proportion of gates that a verdict has ended, after each look.
    """

    drop: float
    n: int
    rates: dict[GateOutcome, float]
    expected_n: float
    stopped: tuple[float, ...]


def batches(n: int, schedule: Schedule, *, clusters: IntArray | None = None, seed: int = 0) -> list[IntArray]:
    """Which samples (places from 0 to n - 1) each look adds: whole clusters in a seeded random order.

    With clusters a look holds its fraction of the clusters. Raises ValueError for more looks than clusters.
    """
    numbers, count = renumber(clusters, n)
    if count < len(schedule.fractions):
        raise ValueError(f"{len(schedule.fractions)} looks at {count} independent samples or clusters")
    numbers = np.arange(n) if numbers is None else numbers
    rank = np.random.default_rng(seed).permutation(count)[numbers]
    ends = [0, *(max(1, round(fraction * count)) for fraction in schedule.fractions)]
    return [np.flatnonzero((rank >= low) & (rank < high)) for low, high in pairwise(ends)]


def decide_look(pairs: Pairs, limits: GateLimits, schedule: Schedule, look: int) -> GateVerdict:
    """The verdict at look number `look` (from 0) on all pairs so far; INCONCLUSIVE or WORSE before the last: go on.

    Its bounds are those of the look's own level. With zero tolerance a sample that got worse ends it at once, and
    PASS waits for the last look.
    """
    last = look == len(schedule.fractions) - 1
    if limits.zero_tolerance:
        found = decide(pairs, limits)
        if found.outcome is GateOutcome.PASS and not last:
            return replace(found, outcome=GateOutcome.INCONCLUSIVE, reason=f"{found.reason} More samples are to come.")
        return found
    level = schedule.levels(limits.alpha)[look]
    found = decide(pairs, replace(limits, confidence=1.0 - level))
    where = f"look {look + 1} of {len(schedule.fractions)} at a level of {level:.2g}"
    return found.with_how(where)


def plan_sequential(
    n: int,
    limits: GateLimits,
    schedule: Schedule,
    answers: Answers,
    *,
    sets: int = 10_000,
    seed: int = 0,
) -> SequentialPlan:
    """Rates and expected size of a sequential gate, by seeded draws of `answers` that are decided as a gate decides.

    Raises ValueError for zero tolerance, and for more looks than clusters.
    """
    if limits.zero_tolerance:
        raise ValueError("zero tolerance counts samples; nothing is spent")
    rng = np.random.default_rng(seed)
    whole = max(1, n // answers.size)
    ends = [max(1, round(fraction * whole)) for fraction in schedule.fractions]
    if len(set(ends)) < len(ends):
        raise ValueError(f"{len(ends)} looks at {whole} clusters")
    so_far: Draw | None = None
    undecided = [place for place, outcome in enumerate(GateOutcome) if outcome.is_open]
    verdicts = np.full(sets, undecided[0])
    sizes = np.full(sets, float(whole * answers.size))
    stopped: list[float] = []
    for end, level in zip(ends, schedule.levels(limits.alpha), strict=True):
        more = draw(answers, end - (so_far.clusters if so_far else 0), sets, rng)
        so_far = more if so_far is None else so_far + more
        now = outcomes(moments_of([so_far]), replace(limits, confidence=1.0 - level))
        going = np.isin(verdicts, undecided)
        sizes[going & ~np.isin(now, undecided)] = float(end * answers.size)
        verdicts[going] = now[going]
        stopped.append(float((~np.isin(verdicts, undecided)).mean()))
    rates = {outcome: float((verdicts == place).mean()) for place, outcome in enumerate(GateOutcome)}
    return SequentialPlan(answers.drop, whole * answers.size, rates, float(sizes.mean()), tuple(stopped))
