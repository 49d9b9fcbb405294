"""A metric that only whole answers can make, such as one of somebody else's: computed over all, then without groups."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from evalkit.core import Estimate, Metric, Record, Sample, UsageError
from evalkit.scoring.metrics.means import measured

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

Item = TypeVar("Item")
GROUPS = 20
_SEED = 1


def whole(
    name: str, score: str, compute: Callable[[list[tuple[str, Sample]]], float], *, higher_is_better: bool = True
) -> Metric:
    """What `compute` makes of all (answer, sample) pairs; the answer is that of the score of the name `score`.

    Such a metric has no sufficient statistics, so answers are kept in memory and a row is only the number of one
    (width 1). The interval is Student's t on a jackknife over 20 random groups of clusters (Kott 2001): the metric
    is computed 21 times, where a bootstrap would take thousands. A record without an answer leaves n.
    """

    def pair(record: Record) -> tuple[tuple[str, Sample]] | None:
        if measured(record, score) is None:
            return None
        answer = next(found.answer for found in record.scores if found.name == score)
        return None if answer is None else ((answer, record.sample),)

    return over_items(name, pair, compute, higher_is_better=higher_is_better)


def over_items(
    name: str,
    item: Callable[[Record], tuple[Item] | None],
    compute: Callable[[list[Item]], float],
    *,
    higher_is_better: bool = True,
) -> Metric:
    """What `compute` makes of an item of every sample, whatever it is: a pair of texts, labels, a list of numbers.

    `item` gives that of a record as a tuple of one, or None where the record has none and leaves n. Items are kept in
    memory; the interval is that of `whole`.
    """
    kept: list[Item] = []

    def observe(record: Record) -> tuple[float] | None:
        found = item(record)
        if found is None:
            return None
        kept.append(found[0])
        return (float(len(kept) - 1),)

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        import numpy as np

        from evalkit.stats.bootstrap import FEWEST, too_few
        from evalkit.stats.jackknife import of_left_out

        numbers = [int(row) for row in rows[:, 0]] if len(rows) else []
        if not numbers:
            return Estimate(math.nan, math.nan, math.nan, 0, "n=0")
        try:
            value = compute([kept[number] for number in numbers])
        # It is somebody's code, and every sample was asked and scored by now: that must not be lost.
        except Exception as error:  # noqa: BLE001
            why = error.wrong if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
            return Estimate(math.nan, math.nan, math.nan, len(numbers), f"not known: {why}"[:200])
        _, units = np.unique(clusters, return_inverse=True)
        count = int(units.max()) + 1
        groups = min(GROUPS, count)
        if groups < FEWEST:
            return Estimate(value, math.nan, math.nan, len(numbers), too_few(count, len(numbers)))
        group = np.random.default_rng(_SEED).permutation(count)[units] % groups
        without = []
        try:
            for left_out in range(groups):
                without.append(compute([kept[n] for n, own in zip(numbers, group, strict=True) if own != left_out]))
        except Exception as error:  # noqa: BLE001 - a function may fail on fewer samples, such as those of one class
            why = f"no interval: without a group of samples, {type(error).__name__}: {error}"
            return Estimate(value, math.nan, math.nan, len(numbers), why[:200])
        found = of_left_out(value, np.asarray(without), len(numbers), (None, None))
        return replace(found, how=f"t, jackknife over {groups} groups" if math.isfinite(found.low) else found.how)

    return Metric(name, observe, estimate, higher_is_better=higher_is_better, scale="number")
