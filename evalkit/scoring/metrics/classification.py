"""Matthews' correlation and F1 over classes, from the (predicted, right) class of every sample.

A row is two class numbers (width 2); a predicted class of -1 is a reply that names no class. Sums of three counts a
class (how often it was predicted, was right, was both) are all that these metrics need, so a jackknife leaves those
out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from evalkit.core import Estimate, Metric, Record
from evalkit.scoring.metrics.corpus import counted

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

Formula: TypeAlias = "Callable[[FloatRows, FloatRows, FloatRows, FloatRows], FloatRows]"
"""(predicted, right and both, each of shape (r, classes); samples of shape (r,)) to r values."""

_SEED = 1
_FEWEST = 6
"""A class of one sample leaves the mean with it: over five samples the interval covered 92.7 %, over six 94.7 %."""


def mcc(*, score: str = "correct") -> Metric:
    """Matthews' correlation coefficient of any number of classes (-1 to 1; Gorodkin 2004).

    Replies that name no class are a class of their own, which is never right. Where everything was predicted as one
    class, or one class is always right, it is 0, as scikit-learn has it.
    """
    return _classes("mcc", score, mcc_values)


def macro_f1(*, score: str = "correct") -> Metric:
    """The mean of the classes' F1 (0 to 1), over the classes that were predicted or right at least once."""
    return _classes("macro_f1", score, macro_f1_values)


def micro_f1(*, score: str = "correct") -> Metric:
    """F1 of all classes' counts together (0 to 1): accuracy, where every reply names a class."""
    return _classes("micro_f1", score, micro_f1_values)


def _classes(name: str, score: str, formula: Formula) -> Metric:
    def observe(record: Record) -> tuple[float, ...] | None:
        return counted(record, score, 2)

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        import numpy as np

        from evalkit.scoring.metrics.expanding import units_of
        from evalkit.stats import jackknife_interval
        from evalkit.stats.bootstrap import too_few

        if len(rows) == 0:
            return Estimate(math.nan, math.nan, math.nan, 0, "n=0")
        units, count = units_of(clusters, _SEED)
        wide = _class_counts(rows.astype(np.int64), units, count)
        width = (wide.shape[1] - 1) // 3

        def statistic(sums: FloatRows, counts: FloatRows) -> FloatRows:
            said, right, both = (sums[:, width * part : width * (part + 1)] for part in range(3))
            return formula(said, right, both, sums[:, -1])

        sizes = np.bincount(rows[:, 1].astype(np.int64))
        sizes = sizes[sizes > 0]
        # A class counts as much as any other, however few its samples are: one of a small class moves the value by more
        # than one of a large one does.
        unseen = 1.0 if name == "micro_f1" else len(rows) * float((1.0 / sizes).sum()) / len(sizes) ** 2
        found = replace(jackknife_interval(wide, statistic, seed=_SEED, ends=ends, unseen=unseen), n=len(rows))
        if len(sizes) == 1 and name != "micro_f1":
            # What the other classes' samples would do was not seen at all.
            return replace(found, low=math.nan, high=math.nan, how="one class")
        if name == "macro_f1" and count < _FEWEST:
            return replace(found, low=math.nan, high=math.nan, how=too_few(count, len(rows)))
        return found

    ends = (-1.0, 1.0) if name == "mcc" else (0.0, 1.0)
    return Metric(name, observe, estimate, 2, scale="number" if name == "mcc" else "proportion", ends=ends)


def _class_counts(pairs: IntArray, units: IntArray, count: int) -> FloatRows:
    """Per unit: predicted, right, both (a column a class), and the number of samples."""
    import numpy as np

    from evalkit.scoring.metrics.expanding import spread_out

    said, right = pairs[:, 0], pairs[:, 1]
    shape = (count, int(pairs.max()) + 1)
    one = np.ones(len(pairs))
    parts = [spread_out(columns, one, units, shape) for columns in (said, right, np.where(said == right, right, -1))]
    return np.column_stack([*parts, np.bincount(units, minlength=count)])


# ---------------------------------------------------------------- formulas over sums of counts


def mcc_values(said: FloatRows, right: FloatRows, both: FloatRows, n: FloatRows) -> FloatRows:
    """(c·n - Σ pₖtₖ) / √((n² - Σ pₖ²)(n² - Σ tₖ²)) with c right of n, pₖ predicted and tₖ right in class k."""
    import numpy as np

    unnamed = n - said.sum(axis=1)
    over = both.sum(axis=1) * n - (said * right).sum(axis=1)
    spread_said = n * n - (said**2).sum(axis=1) - unnamed**2
    spread_right = n * n - (right**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spread_said * spread_right > 0, over / np.sqrt(spread_said * spread_right), 0.0)


def macro_f1_values(said: FloatRows, right: FloatRows, both: FloatRows, n: FloatRows) -> FloatRows:
    """Mean over classes of 2·bothₖ / (pₖ + tₖ); a class that is neither predicted nor right takes no part."""
    import numpy as np

    sizes = said + right
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(sizes > 0, 2.0 * both / sizes, 0.0)
    mean: FloatRows = each.sum(axis=1) / np.maximum((sizes > 0).sum(axis=1), 1)
    return mean


def micro_f1_values(said: FloatRows, right: FloatRows, both: FloatRows, n: FloatRows) -> FloatRows:
    """2·Σ bothₖ / Σ (pₖ + tₖ)."""
    import numpy as np

    sizes = (said + right).sum(axis=1)
    return np.where(sizes > 0, 2.0 * both.sum(axis=1) / np.maximum(sizes, 1.0), 0.0)
