"""A mean of group means: every group counts by its weight, however many samples it has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.core import Estimate, Metric, Record
from evalkit.scoring.metrics.means import mean

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray


def macro_mean(score: str, weights: Mapping[str, float], *, name: str) -> Metric:
    """Σ weight · (mean of the score over the group) / Σ weight, over the groups of `weights` that have samples.

    A sample counts in the first of its groups that has a weight, and in none where it has no such group. Samples
    that leave the mean of the score leave this one.

    The row is (value, number of the group). The interval is put together of the groups' own (MOVER, Zou & Donner 2008),
    so that groups of which all samples are right are no certainty; NaN where a group has fewer than two clusters.
    """
    plain = mean(score)
    numbers = {group: number for number, group in enumerate(weights)}
    proportions = list(weights.values())

    def observe(record: Record) -> tuple[float, float] | None:
        value = plain.observe(record)
        group = next((numbers[group] for group in record.sample.groups if group in numbers), None)
        return None if value is None or group is None else (value[0], float(group))

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        import numpy as np

        from evalkit.stats import combined_interval, mean_interval

        if len(rows) == 0:
            return Estimate(math.nan, math.nan, math.nan, 0, "n=0")
        present = np.unique(rows[:, 1]).astype(int)
        parts = []
        for group in present:
            inside = rows[:, 1] == group
            parts.append(mean_interval(rows[inside, 0], clusters[inside], ends=(0.0, 1.0)))
        found = combined_interval(parts, [proportions[group] for group in present])
        return replace(found, how=f"mover over {len(present)} groups")

    return Metric(name, observe, estimate, width=2)
