"""A mean of group means: every group counts by its weight, however many samples it has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from evalkit.core import Estimate, Metric, Record
from evalkit.scoring.metrics.means import mean

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray


def macro_mean(score: str, weights: Mapping[str, float], *, name: str) -> Metric:
    """Σ weight · (mean of the score over the group) / Σ weight, over the groups of `weights` that have samples.

    A sample counts in the first of its groups that has a weight, and in none where it has no such group. Samples
    that leave the mean of the score leave this one.

    The row is (value, number of the group). The error is that of a stratified mean, √Σ (weight/Σ weight)²·s²/n over
    the groups (samples of one cluster summed first), with degrees of freedom after Satterthwaite; NaN where a group
    has fewer than two clusters.
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

        from evalkit.stats.intervals import standard_error

        if len(rows) == 0:
            return Estimate(math.nan, math.nan, math.nan, 0, "n=0")
        present = np.unique(rows[:, 1]).astype(int)
        total = sum(proportions[group] for group in present)
        value, parts = 0.0, []
        for group in present:
            inside = rows[:, 1] == group
            proportion = proportions[group] / total
            value += proportion * float(rows[inside, 0].mean())
            error = proportion * standard_error(rows[inside, 0], clusters[inside])
            parts.append((error * error, len(np.unique(clusters[inside])) - 1))
        return _interval(value, parts, len(rows))

    return Metric(name, observe, estimate, width=2)


def _interval(value: float, parts: list[tuple[float, int]], n: int, confidence: float = 0.95) -> Estimate:
    """parts: (squared error, degrees of freedom) of every group."""
    from scipy.stats import t

    variance = sum(part for part, _ in parts)
    how = "t, stratified"
    if math.isnan(variance):
        return Estimate(value, math.nan, math.nan, n, how, confidence)
    if variance == 0.0:
        return Estimate(value, value, value, n, how, confidence)
    freedom = variance**2 / sum(part**2 / df for part, df in parts if part > 0)
    half = float(t.ppf((1 + confidence) / 2, freedom)) * math.sqrt(variance)
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), n, how, confidence)
