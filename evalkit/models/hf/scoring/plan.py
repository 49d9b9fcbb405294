"""Which sequences are computed together: rows in, batches out, nothing of tensors.

The interface between what is asked (`TokenRow`) and how it is computed (`score`): a planner that shares prefixes
between rows takes the place of `by_length` without the rest noticing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["RowScore", "TokenRow", "by_length", "merge"]


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One sequence to compute: at `positions[i]` of `ids` the log-probability of the token `targets[i]` is wanted.

    A position may be asked for several targets. `source` is what an encoder reads; `ids` is then the decoder's input.
    """

    ids: tuple[int, ...]
    positions: tuple[int, ...] = ()
    targets: tuple[int, ...] = ()
    source: tuple[int, ...] = ()

    @property
    def length(self) -> int:
        """Tokens that a forward pass computes for it."""
        return len(self.ids) + len(self.source)


@dataclass(frozen=True, slots=True)
class RowScore:
    """For each target of a row: its log-probability in nats, and whether it is the most probable token."""

    logprobs: tuple[float, ...]
    best: tuple[bool, ...]

    def over(self, start: int, stop: int) -> tuple[float, bool]:
        """The log-likelihood of the targets from `start` to `stop`, and whether greedy decoding would write them."""
        return math.fsum(self.logprobs[start:stop]), all(self.best[start:stop])


def merge(rows: Sequence[TokenRow]) -> tuple[list[TokenRow], list[tuple[int, int]]]:
    """Compute equal sequences once: the distinct rows with all their targets, and each row's place among them.

    A place is (index of the merged row, where the row's own targets begin in it). Single-token choices of one
    context all read the same position of the same row.
    """
    index: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
    members: list[list[TokenRow]] = []
    sizes: list[int] = []
    places: list[tuple[int, int]] = []
    for row in rows:
        number = index.setdefault((row.source, row.ids), len(members))
        if number == len(members):
            members.append([])
            sizes.append(0)
        places.append((number, sizes[number]))
        members[number].append(row)
        sizes[number] += len(row.targets)
    merged = [
        TokenRow(
            group[0].ids,
            tuple(position for row in group for position in row.positions),
            tuple(target for row in group for target in row.targets),
            group[0].source,
        )
        for group in members
    ]
    return merged, places


def by_length(lengths: Sequence[int], budget: int, *, alone: bool = False, border: int = 0) -> list[tuple[int, ...]]:
    """Batches of indices into `lengths`, longest first, each at most `budget` tokens once padded to its longest.

    A sequence longer than the budget is a separate batch; `alone` gives every sequence its own. No batch has
    lengths on both sides of `border` (0: no border), for models that compute long inputs differently.
    """
    batches: list[tuple[int, ...]] = []
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batch:
            widest = max(1, lengths[batch[0]])
            crosses = lengths[index] <= border < widest
            if alone or crosses or widest * (len(batch) + 1) > budget:
                batches.append(tuple(batch))
                batch = []
        batch.append(index)
    if batch:
        batches.append(tuple(batch))
    return batches
