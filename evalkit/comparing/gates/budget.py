"""Which samples to ask for a sum of money: those with which an unchanged model passes most likely.

Money goes, sample by sample, to the task where it raises the chance that all tasks pass the most (or lowers the
variance of their mean the most). Within a task every sample has the same chance to be chosen, so that means stay
unbiased: its clusters are put into an order of which every beginning holds each group in proportion (stratified), which
a hash of their ids decides (the same in every run), so that a larger budget holds the samples of a smaller one.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy import special

from evalkit.comparing.gates.expectation import Asked
from evalkit.comparing.gates.policy import Policy
from evalkit.comparing.pairing import PairedTask, is_per_sample
from evalkit.core import UsageError, digest_of
from evalkit.stats.intervals import quantile

__all__ = ["Choice", "choose", "ordered"]

_FEWEST = 10
"""Samples that each task gets at least: fewer say nothing at all."""
_CENT = 1e-9
"""What sums of money may differ by for rounding."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The samples to ask of each task, by its name; what they cost, about; and the chance that an unchanged model
    passes all tasks with them, by the normal distribution (NaN where the mean over tasks is decided)."""

    samples: Mapping[str, frozenset[str]]
    cost: float
    passes: float
    total: int

    @property
    def words(self) -> str:
        """`820 of 14,042 samples, about US$ 4.98`."""
        asked = sum(map(len, self.samples.values()))
        return f"{asked:,} of {self.total:,} samples, about US$ {self.cost:,.2f}"


def choose(pairs: Sequence[PairedTask], policy: Policy, prices: Mapping[str, float], budget: float) -> Choice:
    """The choice for `budget` (US dollars); `prices` has what a sample of each task costs.

    `pairs` hold the baseline and the candidate to come (`gates.preflight`). Raises UsageError for a metric that is no
    mean over samples, and for a budget that buys less than ten samples of each task.
    """
    tasks = [_Task.of(paired, policy, prices[paired.name]) for paired in pairs]
    mean = policy.mean is not None and not policy.each
    weights = policy.weights_of([task.name for task in tasks]) if mean else dict.fromkeys(prices, 1.0)
    left = budget - sum(task.take(_FEWEST) for task in tasks)
    if left < -_CENT:
        least = budget - left
        raise UsageError(
            f"--budget buys less than {_FEWEST} samples of each task", found=f"{budget:g}", fix=f"{least:.2g} or more"
        )
    queue = [(-_gain(task, weights, mean=mean), place) for place, task in enumerate(tasks) if not task.is_whole]
    heapq.heapify(queue)
    while queue:
        _, place = heapq.heappop(queue)
        task = tasks[place]
        if task.next_cost > left + _CENT:
            continue
        left -= task.take(1)
        if not task.is_whole:
            heapq.heappush(queue, (-_gain(task, weights, mean=mean), place))
    passes = math.nan if mean else math.exp(math.fsum(task.log_chance(task.n) for task in tasks))
    return Choice({task.name: task.chosen for task in tasks}, budget - left, passes, sum(task.whole for task in tasks))


def ordered(paired: PairedTask) -> list[list[str]]:
    """The clusters of a task (lists of ids) in the order in which they are chosen."""
    side = paired.candidate
    members: dict[str, list[str]] = defaultdict(list)
    groups: dict[str, tuple[str, ...]] = {}
    for place, copies in enumerate(paired.right):
        first = copies[0]
        key = side.clusters[first] or paired.ids[place]
        members[key].append(paired.ids[place])
        groups.setdefault(key, side.groups[first])
    strata: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for key, group in groups.items():
        strata[group].append(key)
    placed: list[tuple[float, str, str]] = []
    for keys in strata.values():
        keys.sort(key=lambda key: digest_of("budget", key))
        placed += [((rank + 0.5) / len(keys), digest_of("tie", key), key) for rank, key in enumerate(keys)]
    return [members[key] for _, _, key in sorted(placed)]


class _Task:
    """One task while money is given out."""

    def __init__(self, name: str, clusters: list[list[str]], asked: Asked, price: float) -> None:
        self.name, self._clusters, self._price = name, clusters, price
        self._taken = 0
        self.n = 0
        self.whole = sum(map(len, clusters))
        self._limits = asked.limits
        # A sample is worth 1 / design effect of an independent one.
        design = 1.0 + (asked.n / max(1, len(asked.sizes)) - 1.0) * asked.icc
        apart = 2.0 * asked.mean * (1.0 - asked.mean) * (1.0 - asked.correlation)
        spread = math.sqrt(max(0.0, apart)) if asked.is_right_or_wrong else asked.deviation
        # Where nothing varied something may yet: one change among all samples.
        self._sd = max(spread, 1.0 / max(1, asked.n)) * math.sqrt(design)
        self._reach = 0.0 if math.isinf(asked.reach) else asked.reach

    @staticmethod
    def of(paired: PairedTask, policy: Policy, price: float) -> _Task:
        metric = policy.of(paired.name).metric or paired.primary_metric
        if not is_per_sample(paired, metric):
            raise UsageError(f"--budget chooses samples for means; {metric} of {paired.name!r} is none")
        if policy.of(paired.name).zero_tolerance:
            raise UsageError(f"zero tolerance looks at every sample of {paired.name!r}", found="--budget")
        return _Task(paired.name, ordered(paired), Asked.of(paired, metric, policy), price)

    @property
    def is_whole(self) -> bool:
        return self._taken == len(self._clusters)

    @property
    def chosen(self) -> frozenset[str]:
        return frozenset(name for cluster in self._clusters[: self._taken] for name in cluster)

    @property
    def next_size(self) -> int:
        return len(self._clusters[self._taken])

    @property
    def next_cost(self) -> float:
        return self._price * self.next_size

    def take(self, samples: int) -> float:
        """Take clusters until so many more samples are chosen; what they cost."""
        before = self.n
        while self.n < before + samples and not self.is_whole:
            self.n += self.next_size
            self._taken += 1
        return self._price * (self.n - before)

    def log_chance(self, n: int) -> float:
        """The logarithm of the chance that an unchanged model passes with n samples: by the bound's own formula, with
        the change that none showed. It is concave in n, so that the best next sample is always the one to take."""
        room = self._limits.margin - self._reach / n
        reach = room * math.sqrt(n) / self._sd - quantile(1.0 - 2.0 * self._limits.alpha)
        return float(special.log_ndtr(reach))

    def variance(self, n: int) -> float:
        return self._sd**2 / n


def _gain(task: _Task, weights: Mapping[str, float], *, mean: bool) -> float:
    """What the next cluster of the task is worth, for its money. Of a free one, for its samples."""
    more = task.n + task.next_size
    if mean:
        worth = weights[task.name] ** 2 * (task.variance(task.n) - task.variance(more))
    else:
        worth = task.log_chance(more) - task.log_chance(task.n)
    return worth / (task.next_cost or task.next_size)
