"""A mean of group means: every group counts by its weight, however many samples it has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.core import Estimate, Metric, Record
from evalkit.scoring.metrics.means import mean

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray
    from evalkit.stats.clusters import Spread


def macro_mean(score: str, weights: Mapping[str, float], *, name: str) -> Metric:
    """Σ weight · (mean of the score over the group) / Σ weight, over the groups of `weights` that have samples.

    A sample counts in the first of its groups that has a weight, and in none where it has no such group. Samples
    that leave the mean of the score leave this one.

    The row is (value, number of the group). The interval is a score interval on the groups' errors together, so that
    groups of which all samples are right are no certainty; NaN where a group has fewer than two clusters.
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

        from evalkit.stats.clusters import renumber, spread, sums
        from evalkit.stats.intervals import score_interval, t_interval

        n = len(rows)
        if n == 0:
            return Estimate(math.nan, math.nan, math.nan, 0, "n=0")
        present = np.unique(rows[:, 1]).astype(int)
        total = sum(proportions[group] for group in present)
        parts = []
        for group in present:
            inside = rows[:, 1] == group
            count = int(inside.sum())
            inner, units = renumber(clusters[inside], count)
            ones = sums(np.ones(count), inner, units)
            parts.append((proportions[group] / total, spread(sums(rows[inside, 0], inner, units), ones, count)))
        found = _stratified(parts, n)
        how = f"stratified over {len(present)} groups"
        if not (rows[:, 0].min() >= 0.0 and rows[:, 0].max() <= 1.0):
            return replace(t_interval(found, 0.95), how=f"t, {how}")
        return replace(score_interval(found, (0.0, 1.0), 0.95), how=f"score, {how}")

    return Metric(name, observe, estimate, width=2)


def _stratified(parts: list[tuple[float, Spread]], n: int) -> Spread:
    """The spread of Σ weight · mean over groups: errors add up as squares, with Satterthwaite's degrees of freedom; an
    unseen sample counts by the design effect of the weights, n·Σ weight²/size."""
    from evalkit.stats.clusters import Spread

    errors = [(weight * part.error) ** 2 for weight, part in parts]
    variance = math.fsum(errors)
    below = math.fsum(one**2 / part.freedom for one, (_, part) in zip(errors, parts, strict=True) if one > 0.0)
    units = sum(part.count for _, part in parts)
    return Spread(
        value=math.fsum(weight * part.value for weight, part in parts),
        n=float(n),
        variance=variance * n**2,
        third=0.0,
        freedom=variance**2 / below if below > 0.0 else float(max(1, units - len(parts))),
        kish=n * math.fsum(weight**2 * part.kish / part.n for weight, part in parts),
        count=units,
    )


def harmonic_mean(score: str, groups: Sequence[str], *, name: str, added: float = 0.0) -> Metric:
    """The harmonic mean of the score's means over `groups`, each with `added` on top, which a model that fails one of
    them altogether must not escape: a group of zeros alone makes it 0 without `added`.

    A sample counts in the first of its groups that is among `groups`. The row is (value, number of the group); the
    interval is the jackknife's over clusters, NaN where a group has none.
    """
    plain = mean(score)
    numbers = {group: number for number, group in enumerate(groups)}

    def observe(record: Record) -> tuple[float, float] | None:
        value = plain.observe(record)
        group = next((numbers[group] for group in record.sample.groups if group in numbers), None)
        return None if value is None or group is None else (value[0], float(group))

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        import numpy as np

        from evalkit.stats import jackknife_interval

        if not len(rows):
            return Estimate(math.nan, math.nan, math.nan, 0, "n=0")
        present = np.unique(rows[:, 1])
        inside = (rows[:, 1][:, None] == present[None, :]).astype(float)

        def of_sums(sums: FloatRows, counts: FloatRows) -> FloatRows:
            right, asked = sums[:, : len(present)], sums[:, len(present) :]
            with np.errstate(divide="ignore", invalid="ignore"):
                found: FloatRows = len(present) / (1.0 / (right / asked + added)).sum(axis=1)
            return found

        wide = np.hstack([inside * rows[:, :1], inside])
        return jackknife_interval(wide, of_sums, clusters, seed=1, ends=(0.0, 1.0 + added))

    return Metric(name, observe, estimate, width=2, ends=(0.0, 1.0 + added))
