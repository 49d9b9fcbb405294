"""What an interval for a paired difference needs of the data: a few sums, for one data set or for many at once."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evalkit.stats.clusters import renumber, spread, sums

if TYPE_CHECKING:
    from evalkit.core import Ends, FloatRows, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over the differences d of n pairs. Fields are arrays of one shape (r,), a data set each, or of shape ().

    `gains` is Σ max(d, 0) and `losses` Σ max(-d, 0): for 0/1 scores, counts of flips. `single` is Σ (d - d̄)².
    `spread`, `third`, `kish` and `freedom` are those of `stats.clusters.Spread`, over the clusters' sums of d;
    `clusters` counts them. `down` and `up` are the largest loss and gain of one pair that there can be, infinite where
    scores have no ends. `plain`: 0/1 scores without clusters.
    """

    n: FloatRows
    gains: FloatRows
    losses: FloatRows
    single: FloatRows
    spread: FloatRows
    third: FloatRows
    kish: FloatRows
    freedom: FloatRows
    clusters: FloatRows
    down: float
    up: float
    plain: bool

    @property
    def difference(self) -> FloatRows:
        return (self.gains - self.losses) / self.n

    @property
    def bounded(self) -> bool:
        """Whether a pair's loss and gain have ends."""
        return math.isfinite(self.down) and math.isfinite(self.up)

    @property
    def turned(self) -> Moments:
        """The same with gains for losses."""
        return replace(self, gains=self.losses, losses=self.gains, third=-self.third, down=self.up, up=self.down)

    def scaled(self, factor: FloatRows) -> Moments:
        """The same data `factor` times as large: more samples and clusters of the same kind."""
        return replace(
            self,
            n=self.n * factor,
            gains=self.gains * factor,
            losses=self.losses * factor,
            single=self.single * factor,
            spread=self.spread * factor,
            third=self.third * factor,
            kish=self.kish + 0.0 * factor,
            freedom=self.freedom * factor,
            clusters=self.clusters * factor,
        )


def moments(
    baseline: FloatRows, candidate: FloatRows, clusters: IntArray | None = None, *, ends: Ends = (None, None)
) -> Moments:
    """The moments of candidate - baseline, both of shape (n,), n > 0; `clusters` number what is not independent.

    `ends` are those that scores are known to have; scores that are all 0 or 1 have these.
    """
    before, after = np.asarray(baseline, dtype=np.float64), np.asarray(candidate, dtype=np.float64)
    numbers, _ = renumber(clusters, len(before))
    values = np.concatenate([before, after])
    zero_one = bool(((values == 0.0) | (values == 1.0)).all())
    lowest, highest = (0.0, 1.0) if zero_one else ends
    reach = math.inf if lowest is None or highest is None else highest - lowest
    return moments_of_differences(after - before, clusters, (reach, reach), plain=numbers is None and zero_one)


def moments_of_differences(
    d: FloatRows, clusters: IntArray | None, reach: tuple[float, float], *, plain: bool = False
) -> Moments:
    """The moments of differences of shape (n,), of which one can be at most `reach` (a loss, a gain)."""
    n = len(d)
    numbers, count = renumber(clusters, n)
    found = spread(sums(d, numbers, count), sums(np.ones(n), numbers, count), n)
    return Moments(
        n=np.asarray(float(n)),
        gains=np.asarray(d[d > 0.0].sum()),
        losses=np.asarray(-d[d < 0.0].sum()),
        single=np.asarray(float(((d - d.mean()) ** 2).sum())),
        spread=np.asarray(found.variance),
        third=np.asarray(found.third),
        kish=np.asarray(found.kish),
        freedom=np.asarray(found.freedom),
        clusters=np.asarray(float(count)),
        down=reach[0],
        up=reach[1],
        plain=plain,
    )
