"""Where the keys and values of texts that are being written lie: one slot a text, written in place, allocated once.

What several texts begin with is not copied into their slots: it lies next to them once, and each slot says what
it reads.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from evalkit.models.hf.forward.tree_attention import Kept

__all__ = ["Slots"]


class Slots:
    """Up to `count` texts with up to `width` tokens of their own each; the texts are in slots 0 … used - 1."""

    def __init__(self, count: int, width: int, like: Kept) -> None:
        """`like` has the layers' shapes, types and devices."""
        self.count = count
        self.width = width
        self.used = 0
        # Zeros, since what follows a text's end is multiplied by a weight of zero, and may not be NaN.
        self.layers = [
            (
                keys.new_zeros(count, keys.shape[1], keys.shape[3], width),
                values.new_zeros(count, values.shape[1], width, values.shape[3]),
            )
            for keys, values in like.layers
        ]
        """Keys (count, key heads, size, width), which lie as their product with a query reads them fastest, and values
        (count, key heads, width, size)."""
        device = like.layers[0][0].device
        self.positions = torch.zeros(count, width, dtype=torch.long, device=device)
        """(count, width): where in its text each token of a slot stands."""
        self.lengths = [0] * count
        """Tokens of its own that a slot holds."""
        self.ends = [0] * count
        """Tokens of the whole text so far, what it shares included."""
        self._shared: list[tuple[Kept, ...]] = [()] * count
        self._groups: list[tuple[Kept, list[int]]] | None = None

    @property
    def size(self) -> int:
        """Bytes of all slots."""
        return sum(t.numel() * t.element_size() for layer in self.layers for t in layer)

    def add(self, own: Sequence[Kept], shared: Sequence[Kept]) -> int:
        """Give a text a slot: `own` is copied there in this order, `shared` is read where it lies.

        Returns the slot's number.
        """
        slot = self.used
        if slot >= self.count:
            raise IndexError("all slots are taken")
        self.used += 1
        self.put(slot, own, shared)
        return slot

    def put(self, slot: int, own: Sequence[Kept], shared: Sequence[Kept]) -> None:
        """Let a text take the place of the one in `slot`."""
        at = 0
        for part in own:
            end = at + part.stop - part.start
            for (keys, values), (new_keys, new_values) in zip(self.layers, part.layers, strict=True):
                keys[slot, :, :, at:end] = new_keys[0].transpose(-1, -2)
                values[slot, :, at:end] = new_values[0]
            self.positions[slot, at:end] = torch.arange(part.start, part.stop, device=self.positions.device)
            at = end
        self.lengths[slot] = at
        self.ends[slot] = max((part.stop for part in (*own, *shared)), default=0)
        self._shared[slot] = tuple(shared)
        self._groups = None

    def drop(self, slot: int) -> int:
        """Free a slot by moving the last text into it; returns the slot that text was in."""
        last = self.used - 1
        if slot != last:
            length = self.lengths[last]
            for keys, values in self.layers:
                keys[slot, :, :, :length] = keys[last, :, :, :length]
                values[slot, :, :length] = values[last, :, :length]
            self.positions[slot, :length] = self.positions[last, :length]
            self.lengths[slot], self.ends[slot] = length, self.ends[last]
            self._shared[slot] = self._shared[last]
        self._shared[last] = ()
        self.used, self._groups = last, None
        return last

    def advance(self, counts: Sequence[int]) -> None:
        """Count so many of the tokens that a step has written into every slot; the next step overwrites the others."""
        for slot, count in enumerate(counts):
            self.lengths[slot] += count
            self.ends[slot] += count

    @property
    def groups(self) -> list[tuple[Kept, list[int]]]:
        """What lies next to the slots, each with the slots that read it, in ascending order."""
        if self._groups is None:
            found: dict[int, tuple[Kept, list[int]]] = {}
            for slot in range(self.used):
                for part in self._shared[slot]:
                    found.setdefault(id(part), (part, []))[1].append(slot)
            self._groups = list(found.values())
        return self._groups
