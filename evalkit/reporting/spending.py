"""What a run cost: its model, its judge, and both together."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from evalkit.core import Record
from evalkit.core.formatting import money, seconds
from evalkit.reporting.summary import Tally
from evalkit.runs.store import Run


@dataclass(frozen=True, slots=True)
class Spending:
    """US dollars of one run, for what was asked and not found in a cache; NaN where no price is known.

    `priced` of `records` samples have a known price of the model's. `judged` says whether a judge was asked.
    """

    model: float
    judge: float
    judge_name: str
    priced: int
    records: int

    @property
    def judged(self) -> bool:
        return bool(self.judge_name)

    @property
    def total(self) -> float:
        """What is known of both; NaN where nothing is."""
        known = [value for value in (self.model, self.judge) if math.isfinite(value)]
        return sum(known) if known else math.nan

    def words(self) -> str:
        """`model $0.25, judge 5.0 ¢, together $0.30`; empty where no price is known."""
        if not math.isfinite(self.total):
            return ""
        part = f" (of {self.priced:,} of {self.records:,} samples)" if 0 < self.priced < self.records else ""
        told = [f"model {money(self.model)}{part}"] if math.isfinite(self.model) else ["model: no price known"]
        if self.judged:
            told.append(f"judge {money(self.judge)}" if math.isfinite(self.judge) else "judge: no price known")
        if len(told) == 2 and math.isfinite(self.model) and math.isfinite(self.judge):
            told.append(f"together {money(self.total)}")
        return ", ".join(told)


@dataclass(frozen=True, slots=True)
class Pace:
    """What a sample of one run costs (US dollars) and takes (seconds, the median); NaN where it is not known."""

    cost: float
    seconds: float


@dataclass(slots=True)
class Paid:
    """What the samples of a run cost and took: eight bytes a sample with replies."""

    cost: float = 0.0
    priced: int = 0
    seconds: array[float] = field(default_factory=lambda: array("d"))

    def add(self, record: Record) -> None:
        """Take one sample."""
        if record.cost is not None:
            self.cost += record.cost
            self.priced += 1
        if record.replies:
            self.seconds.append(sum(reply.seconds for reply in record.replies))

    @property
    def pace(self) -> Pace:
        """Over the samples whose price is known, and over those with replies."""
        cost = self.cost / self.priced if self.priced else math.nan
        return Pace(cost, median(self.seconds) if self.seconds else math.nan)

    @staticmethod
    def together(all_of: Iterable[Paid]) -> Paid:
        """Those of several tasks as one."""
        whole = Paid()
        for one in all_of:
            whole.cost += one.cost
            whole.priced += one.priced
            whole.seconds.extend(one.seconds)
        return whole


def pace_words(before: Pace, after: Pace) -> str:
    """`B costs 2.1 times as much a sample ($0.0012 against $0.0006) and takes 1.3 times as long (1.32 s against …).`"""
    told = []
    if before.cost > 0 and after.cost >= 0:
        times = _times(after.cost / before.cost)
        told.append(f"costs {times} as much a sample ({money(after.cost)} against {money(before.cost)})")
    if before.seconds > 0 and after.seconds >= 0:
        times = _times(after.seconds / before.seconds)
        told.append(f"takes {times} as long ({seconds(after.seconds)} against {seconds(before.seconds)}, medians)")
    return f"B {' and '.join(told)}." if told else ""


def _times(ratio: float) -> str:
    return "just" if 0.95 <= ratio < 1.05 else f"{ratio:.2g} times"


def spending_of(run: Run, tallies: Iterable[Tally]) -> Spending:
    """From the records that a run's tallies counted, and from what its manifest says of the judge."""
    found = list(tallies)
    priced = sum(one.priced for one in found)
    judge = run.manifest.model.get("judge")
    facts = judge if isinstance(judge, dict) else {}
    cost = facts.get("cost")
    return Spending(
        sum(one.cost for one in found) if priced else math.nan,
        float(cost) if isinstance(cost, int | float) else math.nan,
        str(facts.get("name", "")),
        priced,
        sum(one.records for one in found),
    )
