"""What a run cost: its model, its judge, and both together."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from evalkit.core.formatting import money
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
