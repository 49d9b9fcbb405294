"""One cell of a leaderboard: a model's result on a task, and what its samples took."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from evalkit.core import Estimate
from evalkit.runs.store import MetricResult, Run, TaskEntry


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
    cost: float = math.nan

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
