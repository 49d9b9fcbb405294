"""What an interval for a paired difference needs of the data: a few sums, for one data set or for many at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.stats.clusters import renumber, sums

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over the differences d of n pairs. Fields are arrays of one shape (r,), a data set each, or of shape ().

    `gains` is Σ max(d, 0) and `losses` Σ max(-d, 0): for 0/1 scores, counts of flips. `spread` is the sum over
    clusters g of (S_g - m_g·d̄)², each over (1 - m_g/n)²: S_g is the cluster's sum, m_g its size, and the divisor is
    the jackknife's (CR3), which holds where clusters are few or of unlike sizes. `kish` is Σm_g²/n, the design effect
    where samples of a cluster are all alike; `effective` is (Σm_g²)²/Σm_g⁴, how many clusters of one size they are
    worth. `clusters` counts them. `bounded`: scores lie within [0, 1]. `plain`: 0/1 scores without clusters.
    """

    n: FloatRows
    gains: FloatRows
    losses: FloatRows
    spread: FloatRows
    kish: FloatRows
    effective: FloatRows
    clusters: FloatRows
    bounded: bool
    plain: bool

    @property
    def difference(self) -> FloatRows:
        return (self.gains - self.losses) / self.n

    def scaled(self, factor: FloatRows) -> Moments:
        """The same data `factor` times as large: more samples and clusters of the same kind."""
        return Moments(
            self.n * factor,
            self.gains * factor,
            self.losses * factor,
            self.spread * factor,
            self.kish + 0.0 * factor,
            self.effective * factor,
            self.clusters * factor,
            self.bounded,
            self.plain,
        )


def moments(baseline: FloatRows, candidate: FloatRows, clusters: IntArray | None = None) -> Moments:
    """The moments of candidate - baseline, both of shape (n,), n > 0; `clusters` number what is not independent."""
    before, after = np.asarray(baseline, dtype=np.float64), np.asarray(candidate, dtype=np.float64)
    d = after - before
    n = len(d)
    numbers, count = renumber(clusters, n)
    sizes = sums(np.ones(n), numbers, count)
    totals = sums(d, numbers, count)
    squares = float(sizes @ sizes)
    # One cluster alone says nothing about the spread between clusters.
    rest = np.where(sizes < n, 1.0 - sizes / n, np.nan)
    deviations = (totals - sizes * d.mean()) / rest
    values = np.concatenate([before, after])
    return Moments(
        n=np.asarray(float(n)),
        gains=np.asarray(d[d > 0.0].sum()),
        losses=np.asarray(-d[d < 0.0].sum()),
        spread=np.asarray(float(deviations @ deviations)),
        kish=np.asarray(squares / n),
        effective=np.asarray(squares**2 / float((sizes**4).sum())),
        clusters=np.asarray(float(count)),
        bounded=bool(((values >= 0.0) & (values <= 1.0)).all()),
        plain=numbers is None and bool(((values == 0.0) | (values == 1.0)).all()),
    )
