"""Which samples of a set to ask so that few of them stand for all: strata of difficulty, drawn in an order of hashes.

The order is fixed by the samples' ids and by what stored runs say of their difficulty, so that a larger subset holds
every smaller one. Within a stratum the hash makes a random sample; that is all the estimate's interval rests on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core import digest_of
from evalkit.stats.item_response import ItemCurves, item_curves

if TYPE_CHECKING:
    from evalkit.core import Ends, FloatRows, IntArray

STRATA = 5
FEWEST = 4 * STRATA
"""Fewer samples than this say too little of how much their strata vary."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredScores:
    """What M stored runs scored on the N samples of a whole set: `values` of shape (M, N), NaN where one has none.

    `ends` are the least and the largest score there can be. `ids` name the samples, in the order of the data.
    """

    ids: tuple[str, ...]
    values: FloatRows
    ends: Ends = (None, None)

    @property
    def scaled(self) -> FloatRows:
        """The values moved to [0, 1]; those without ends as far as they were seen to reach."""
        low, high = self.span
        return np.asarray(np.clip((self.values - low) / (high - low), 0.0, 1.0))

    @property
    def span(self) -> tuple[float, float]:
        """The ends, or the least and the largest value seen where there are none."""
        low, high = self.ends
        if low is None or high is None:
            low, high = float(np.nanmin(self.values)), float(np.nanmax(self.values))
        return (low, high) if high > low else (low, low + 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class SubsetDesign:
    """`strata` (N,) numbers each sample's stratum, from the easiest; `order` (N,) are the samples' places, and the
    first n of it are the subset of n. `curves` is what was learned of the samples."""

    strata: IntArray
    order: IntArray
    curves: ItemCurves


def subset_design(stored: StoredScores) -> SubsetDesign:
    """Five strata of one size by difficulty, and the order that takes from each of them in turn.

    Any first n of the order hold n/5 samples of every stratum, to within one, so their plain mean estimates the whole
    set's. Samples of one difficulty keep the order of the data, in which neighbours are often alike. Raises ValueError
    for fewer than 20 samples.
    """
    n = len(stored.ids)
    if n < FEWEST:
        raise ValueError(f"a set of {n} samples is asked whole")
    curves = item_curves(stored.scaled)
    strata: IntArray = np.empty(n, dtype=np.int64)
    # Difficulties that differ by rounding alone are one.
    strata[np.lexsort((np.arange(n), np.round(curves.difficulty, 9)))] = np.arange(n) * STRATA // n
    return SubsetDesign(strata, in_turn(strata, stored.ids), curves)


def in_turn(strata: IntArray, ids: Sequence[str]) -> IntArray:
    """The samples' places as they are asked: from each stratum in turn, within one in the order of their hashes."""
    chance, turn = hashed(ids), np.empty(len(ids))
    for stratum in range(int(strata.max()) + 1):
        places = np.flatnonzero(strata == stratum)
        turn[places[np.argsort(chance[places], kind="stable")]] = (np.arange(len(places)) + 0.5) / len(places)
    return np.lexsort((chance, turn)).astype(np.int64)


def hashed(ids: Sequence[str]) -> FloatRows:
    """A number between 0 and 1 for every id, as good as random and always the same."""
    return np.array([int(digest_of("anchors", one), 16) / 2.0**64 for one in ids])
