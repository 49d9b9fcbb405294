"""What a comparison of two runs found, once: pages, Markdown, the terminal, JSON and Python print these numbers.

A result is one metric of one task: both values, the paired difference with its interval and p, the p after Holm's
correction over all results of the comparison, the samples that changed, and what it comes to in a sentence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from evalkit.comparing.gates.assess import difference, flips
from evalkit.comparing.gates.outcomes import GateVerdict
from evalkit.comparing.pairing import PairedTask
from evalkit.core import UsageError
from evalkit.core.formatting import change

ALPHA = 0.05
Side = Literal["better", "worse", ""]


@dataclass(frozen=True, slots=True)
class PairResult:
    """One metric of one task in both runs: B less A. `worse` and `better` are ids, the largest change first.

    `adjusted` is the p after Holm's correction over all results of the comparison; NaN where nothing says how much the
    difference varies.
    """

    pair: PairedTask
    metric: str
    verdict: GateVerdict
    worse: tuple[str, ...] = ()
    better: tuple[str, ...] = ()
    adjusted: float = math.nan

    @property
    def task(self) -> str:
        return self.pair.name

    @property
    def scale(self) -> str:
        return self.pair.candidate.columns[self.metric].scale

    @property
    def higher_is_better(self) -> bool:
        return self.pair.candidate.columns[self.metric].higher_is_better

    @property
    def is_primary(self) -> bool:
        return self.metric == self.pair.primary_metric

    @property
    def errored(self) -> int:
        """Paired samples that are not in n: one side could not measure them."""
        return len(self.pair.ids) - int(self.verdict.n) if self.pair.candidate.columns[self.metric].width == 1 else 0

    @property
    def told(self) -> Side:
        """What is shown after the correction: on which side B lies for the reader."""
        if not self.adjusted <= ALPHA or self.verdict.difference == 0.0:
            return ""
        return "better" if (self.verdict.difference > 0) == self.higher_is_better else "worse"

    @property
    def loss(self) -> float:
        """The largest drop (rise, where lower is better) that the interval leaves open; NaN where none is known."""
        return -self.verdict.low if self.higher_is_better else self.verdict.high

    def sentence(self) -> str:
        """`gsm8k: B is better by 10.5 points (+4.1 to +16.7).`"""
        verdict = self.verdict
        size = amount(verdict.difference, self.scale)
        name = self.task if self.is_primary else f"{self.task} {self.metric}"
        between = f"{change(verdict.low, self.scale)} to {change(verdict.high, self.scale)}"
        worse, better = len(self.worse), len(self.better)
        counts = f"{worse:,} sample{'' if worse == 1 else 's'} got worse, {better:,} better"
        if not verdict.n:
            return f"{name}: no sample was measured in both runs."
        if math.isnan(verdict.low):
            return f"{name}: nothing says how much the difference varies ({verdict.how})."
        if self.told:
            return f"{name}: B is {self.told} by {size} ({between}; {counts})."
        if self.loss <= 0:
            return f"{name}: not shown to differ after the correction ({between}; {counts})."
        return f"{name}: not shown to differ; B may have lost up to {amount(self.loss, self.scale)} ({counts})."


def amount(value: float, scale: str) -> str:
    """A difference without its sign: `10.5 points`, or the number."""
    text = change(abs(value), scale).lstrip("+")
    return f"{text} point{'' if text == '1.0' else 's'}" if scale == "proportion" else text


def results_of(pairs: Sequence[PairedTask], confidence: float = 0.95) -> list[PairResult]:
    """Every metric that the two runs share, task by task. A metric that neither task is there to compute is left out
    (`left_out` names it)."""
    from evalkit.stats.multiple import holm

    found = [result for pair in pairs for metric in pair.metrics if (result := _result(pair, metric, confidence))]
    known = [place for place, one in enumerate(found) if math.isfinite(one.verdict.p_value)]
    adjusted = holm([found[place].verdict.p_value for place in known])
    for place, p in zip(known, adjusted, strict=True):
        found[place] = replace(found[place], adjusted=float(p))
    return found


def left_out(pairs: Sequence[PairedTask], results: Sequence[PairResult]) -> list[str]:
    """A sentence for every metric of both runs that has no result."""
    there = {(id(one.pair), one.metric) for one in results}
    return [
        f"{pair.name}: {metric} is not a mean of samples, and neither run's task is there to compute it"
        for pair in pairs
        for metric in pair.metrics
        if (id(pair), metric) not in there
    ]


def verdict_of_results(results: Sequence[PairResult]) -> list[str]:
    """The answer first, then a sentence for each task: what is shown, then what may have been lost, largest first."""
    primary = [one for one in results if one.is_primary]
    if not primary:
        return []
    better = [one.task for one in primary if one.told == "better"]
    worse = [one.task for one in primary if one.told == "worse"]
    if better and worse:
        first = f"B is better at {_listed(better)} and worse at {_listed(worse)}."
    elif better or worse:
        rest = "nothing is shown to be worse" if better else "nothing is shown to be better"
        first = f"B is {'better' if better else 'worse'} at {_listed(better or worse)}; {rest}."
    else:
        first = "No decision: neither run is shown to be better at any task."
    shown = [one for one in primary if one.told]
    others = sorted((one for one in primary if not one.told), key=lambda one: -_size(one))
    return [first, *(one.sentence() for one in (*shown, *others))]


def _size(one: PairResult) -> float:
    """Losses on scales of shares come first, the largest first; what is unknown is last."""
    if math.isnan(one.loss):
        return -math.inf
    return one.loss + (1e6 if one.scale == "proportion" else 0.0)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _result(pair: PairedTask, metric: str, confidence: float) -> PairResult | None:
    try:
        found = difference(pair, metric, confidence)
    except UsageError:
        return None
    return PairResult(pair, metric, found, *flips(pair, metric))
