"""What a gate asks of a whole run: margins task by task, slices, ceilings for cost, and what blocks a job."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from evalkit.comparing.gates import shares
from evalkit.comparing.gates.limits import GateLimits
from evalkit.core import UsageError

CEILINGS = ("seconds", "tokens", "cost")


@dataclass(frozen=True, slots=True)
class Margin:
    """The largest drop that passes: `value` in the metric's own units, or, `relative`, as a proportion of the baseline.

    On a proportion, `2%` are two points (0.02); on any other number (a perplexity), 2 % of the baseline's value.
    """

    value: float
    relative: bool = False
    at: str = field(default="", compare=False)
    """Where it was written: file and line."""

    def units(self, scale: str, baseline: float) -> float:
        """The margin in the metric's units. Raises UsageError for a margin of 50 points or more on a proportion."""
        if scale == "proportion":
            self.check()
            return self.value
        if not self.relative:
            return self.value
        return self.value * abs(baseline) if math.isfinite(baseline) else 0.0

    def check(self) -> None:
        """Raises UsageError where it cannot be a margin of a proportion."""
        if self.value < shares.LARGEST_MARGIN:
            return
        # 0.5 for half a per cent and 2 for two are slips of one kind; 50% was written out.
        fix = "a margin below 50 points, such as 2%" if self.relative else shares.asked(self.value)
        raise UsageError(
            f"a margin of {100 * self.value:g} points lets every drop pass that matters",
            found=f"{100 * self.value:g}%" if self.relative else f"{self.value:g}",
            fix=fix,
            at=self.at,
        )

    @staticmethod
    def parse(text: str) -> Margin:
        """`0.02`, `2%` or `2 %`; raises ValueError."""
        return Margin(*shares.read(text))


DEFAULT_MARGIN = Margin(0.02, relative=True)
"""2 %: two points of a proportion, 2 % of the baseline's value of any other metric."""


@dataclass(frozen=True, slots=True)
class TaskPolicy:
    """What is asked of one task. None: as the policy says for all. `slices` maps a group of samples to its margin."""

    margin: Margin | None = None
    confidence: float | None = None
    metric: str = ""
    any_drop_blocks: bool | None = None
    zero_tolerance: bool = False
    slices: Mapping[str, Margin | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of a gate. `tasks` has names or patterns with `*`; a task's exact name wins, then the first pattern.

    `mean` is the margin of the weighted mean over tasks (weights of 1 where `mean_weights` says nothing); `each` says
    whether tasks without a margin of their own are then decided by themselves, too.

    `ceilings` maps "seconds", "tokens" or "cost" (each per sample) to how much it may rise, as a proportion of the
    baseline. `invalid_proportion` bounds the proportion of replies without a valid answer. `max_failures` is the
    proportion of samples that may lack a measurement on either side. `common_samples` compares what both sides have
    instead of refusing where samples are missing. `degraded_blocks` and `inconclusive_blocks` say what those verdicts
    do to the exit code. `max_age` is how old, in seconds, an answer of a mutable model may be that a gate takes from
    the cache; `stale_passes` only warns where all answers may be the baseline's own.
    """

    margin: Margin = DEFAULT_MARGIN
    mean: Margin | None = None
    mean_weights: Mapping[str, float] = field(default_factory=dict)
    each: bool = True
    confidence: float = 0.95
    any_drop_blocks: bool = False
    tasks: Mapping[str, TaskPolicy] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    ceilings: Mapping[str, float] = field(default_factory=dict)
    invalid_proportion: float | None = None
    max_failures: float = 0.05
    common_samples: bool = False
    degraded_blocks: bool = False
    inconclusive_blocks: bool = True
    max_age: float = 0.0
    stale_passes: bool = False
    baseline: str = ""
    origin: str = ""

    def of(self, task: str) -> TaskPolicy:
        """What is asked of the task of that name."""
        if task in self.tasks:
            return self.tasks[task]
        return next((found for name, found in self.tasks.items() if fnmatchcase(task, name)), TaskPolicy())

    def is_decided_alone(self, task: str) -> bool:
        """Whether the task has a separate decision, not only a part in the mean."""
        own = self.of(task)
        return self.each or own.margin is not None or own.zero_tolerance or bool(own.slices)

    def weights_of(self, tasks: list[str]) -> dict[str, float]:
        """The weight of each task in the mean; they sum to 1. Raises UsageError for weights of tasks there are not."""
        given = {task: self._weight(task) for task in tasks}
        for name in self.mean_weights:
            if not any(task == name or fnmatchcase(task, name) for task in tasks):
                raise UsageError(f"the policy weighs a task {name!r} that no run has", found=", ".join(tasks))
        total = math.fsum(given.values())
        if total <= 0.0:
            raise UsageError("a mean needs a task whose weight is not 0", at=self.origin)
        return {task: weight / total for task, weight in given.items()}

    def _weight(self, task: str) -> float:
        if task in self.mean_weights:
            return self.mean_weights[task]
        return next((weight for name, weight in self.mean_weights.items() if fnmatchcase(task, name)), 1.0)

    def covers(self, task: str) -> bool:
        """Whether the gate looks at the task at all."""
        return not self.only or any(task == name or fnmatchcase(task, name) for name in self.only)

    def limits(self, task: str, scale: str, baseline: float, margin: Margin | None = None) -> GateLimits:
        """The limits of one metric of a task; `margin` is a slice's own. Raises UsageError for what can't be."""
        own = self.of(task)
        chosen = margin or own.margin or self.margin
        try:
            return GateLimits(
                margin=0.0 if own.zero_tolerance else chosen.units(scale, baseline),
                confidence=self.confidence if own.confidence is None else own.confidence,
                any_drop_blocks=self.any_drop_blocks if own.any_drop_blocks is None else own.any_drop_blocks,
                zero_tolerance=own.zero_tolerance,
                proportion=scale == "proportion",
            )
        except ValueError as error:
            raise UsageError(f"the policy for {task!r} is not valid: {error}", at=self.origin) from None

    def check_names(self, tasks: list[str]) -> None:
        """Raise UsageError for a task in the policy that there is not: a misspelt name would gate nothing."""
        for name in [*self.tasks, *self.only]:
            if not any(task == name or fnmatchcase(task, name) for task in tasks):
                raise UsageError(f"the policy names a task {name!r} that no run has", found=", ".join(tasks))
