"""How much a score depends on the form in which the same things were asked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from evalkit.core import Estimate, Metric, Record
from evalkit.scoring.metrics.means import measured

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

_SEED = 20_261


def spread(score: str, *, forms: int, of: Literal["range", "worst"] = "range", name: str = "") -> Metric:
    """How far a score depends on a prompt's form: the best form's mean minus the worst's, or the worst's alone.

    `of` "range" is in the manner of Sclar et al. (2024, arXiv 2310.11324), "worst" the lowest mean.

    `sample.data["form"]` numbers the form (0 to `forms` - 1) a sample was asked in; samples that ask the same thing
    share a cluster, and the interval is a bootstrap over these. Chance alone makes a range: with few samples, that of
    a model which does not care for forms is above 0, too. Rows hold the value in the form's place and a 1 behind it.
    """
    label = name or (f"{score}_spread" if of == "range" else f"{score}_worst")

    def observe(record: Record) -> tuple[float, ...] | None:
        value, form = measured(record, score), record.sample.data.get("form")
        if value is None or not isinstance(form, int) or not 0 <= form < forms:
            return None
        row = [0.0] * (2 * forms)
        row[form], row[forms + form] = value, 1.0
        return tuple(row)

    def statistic(sums: FloatRows, counts: FloatRows) -> FloatRows:
        import numpy as np

        asked = sums[:, forms:] > 0
        means = sums[:, :forms] / np.where(asked, sums[:, forms:], 1.0)
        low = np.where(asked, means, math.inf).min(axis=1)
        high = np.where(asked, means, -math.inf).max(axis=1)
        return np.asarray(high - low if of == "range" else low)

    def estimate(rows: FloatRows, clusters: IntArray) -> Estimate:
        from evalkit.stats import bootstrap_interval

        if len(rows) == 0:
            return Estimate(math.nan, math.nan, math.nan, 0, "n=0")
        return bootstrap_interval(rows, statistic, clusters, seed=_SEED)

    return Metric(label, observe, estimate, width=2 * forms, higher_is_better=of == "worst", jackknife="none")
