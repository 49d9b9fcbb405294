"""One cell of a leaderboard: a model's result on a task, and what its samples took."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from evalkit.core import Estimate, UsageError
from evalkit.runs.store import MetricResult, Run, TaskEntry, manifest

NO_JUDGE = "–"
"""What stands for the judge in the identity of a task that has none (`runner/identity_words.py`)."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes that a model takes, NaN where no run says. `of` says whose: the process's or the GPUs' at their peak, or
    only those of the weights."""

    size: float = math.nan
    of: Literal["process", "gpu", "weights", ""] = ""


@dataclass(slots=True)
class Cell:
    """One model on one task: the run it comes from, its result, and what its samples took."""

    run: Run
    entry: TaskEntry
    metric: MetricResult
    older: int = 0
    seconds: float = math.nan
    model_cost: float = math.nan

    @property
    def cost(self) -> float:
        """US dollars a sample, the judge's part with it where one was asked and its price is known."""
        judge = self.judge_cost
        return self.model_cost + (judge if math.isfinite(judge) else 0.0)

    @property
    def judge_cost(self) -> float:
        """What the judge cost a sample: the run's sum over the samples of its judged tasks; NaN where none was asked or
        its price is not known."""
        told = self.run.manifest.model.get("judge")
        sum_of_run = told.get("cost") if isinstance(told, dict) else None
        if not isinstance(sum_of_run, int | float) or self.entry.identity.get("judge", NO_JUDGE) == NO_JUDGE:
            return math.nan
        judged = [one for one in self._entries() if one.identity.get("judge", NO_JUDGE) != NO_JUDGE]
        samples = sum(one.result.samples for one in judged if one.result)
        return sum_of_run / samples if samples else math.nan

    def _entries(self) -> list[TaskEntry]:
        """All tasks of the run, also where a board is of some of them."""
        try:
            return manifest.read(self.run.folder).tasks
        except UsageError:  # another harness's log
            return self.run.manifest.tasks

    @property
    def estimate(self) -> Estimate:
        return self.metric.estimate

    @property
    def weights(self) -> float:
        """Bytes of the model's weights in memory, as the run says; NaN where it computed nothing or can't know."""
        computed = self.run.manifest.model.get("computed") or {}
        try:
            return float(computed.get("weight bytes", math.nan))
        except (TypeError, ValueError):
            return math.nan

    @property
    def memory(self) -> Memory:
        """What the run took at its peak where it was recorded: on GPUs where it computed there. Else the weights."""
        said = self.run.manifest.model.get("memory")
        told = {k: float(v) for k, v in said.items() if isinstance(v, int | float)} if isinstance(said, dict) else {}
        peak = Memory(told["device"], "gpu") if "device" in told else Memory(told.get("resident", math.nan), "process")
        if peak.size < self.weights or not math.isfinite(peak.size):
            # A peak below the weights' bytes is of a part: the rest was on a disk, or where torch does not count.
            return Memory(self.weights, "weights") if math.isfinite(self.weights) else Memory()
        return peak

    @property
    def error(self) -> float:
        """The standard error that the interval speaks of."""
        from evalkit.stats.intervals import quantile

        found = self.estimate
        return (found.high - found.low) / 2.0 / quantile(found.confidence)
