"""Which tokens of a packed pass see which: attention over parts, as ranges and indices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from evalkit.models.hf.scoring.passes import Pass

__all__ = ["Group", "Layout", "Part"]

_SHORT = 256
"""Pieces up to this length are computed side by side, padded to the longest of a group."""
_ALIKE = 1.34
"""A group's longest piece is at most this times its shortest (and a few tokens more)."""


@dataclass(frozen=True, slots=True)
class Group:
    """Short pieces side by side: `index` (pieces, longest) are their places, padded by repeating the last.

    `rows` and `columns` of it are the tokens themselves, at `places` of the pass.
    """

    index: torch.Tensor
    rows: torch.Tensor
    columns: torch.Tensor
    places: torch.Tensor


@dataclass(frozen=True, slots=True)
class Part:
    """Tokens [first, last) see keys [start, stop): of the pass, or of what is kept as `node`.

    `seen` (tokens, keys) says which of them where it is not all.
    """

    first: int
    last: int
    start: int
    stop: int
    node: int | None = None
    seen: torch.Tensor | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    """Everything that one kind of layer computes."""

    singles: tuple[tuple[int, int], ...]
    groups: tuple[Group, ...]
    parts: tuple[Part, ...]


class Layout:
    """The parts of attention in one pass, made once for each window and device that its layers have."""

    def __init__(self, step: Pass, kept: dict[int, tuple[int, int]]) -> None:
        """`kept`: the positions [start, stop) of every kept node that the pass reads."""
        self.tokens = step.tokens
        self.longest = step.longest
        self._step = step
        self._kept = kept
        self.positions = np.concatenate([np.arange(piece.start, piece.stop) for piece in step.pieces])
        self._plans: dict[tuple[int | None, torch.device], _Plan] = {}

    def parts(self, window: int | None, device: torch.device) -> _Plan:
        """What a layer computes whose tokens see the last `window` tokens, themselves included (None: all)."""
        if window is not None and window >= self.longest:
            window = None
        key = (window, device)
        if key not in self._plans:
            self._plans[key] = self._plan(window, device)
        return self._plans[key]

    def _plan(self, window: int | None, device: torch.device) -> _Plan:
        pieces: list[tuple[int, int]] = []
        relations: list[Part] = []
        for piece in self._step.pieces:
            # Within a chunk no longer than the window everything before a token is in its sight.
            width = window or piece.length
            for start in range(0, piece.length, width):
                first, last = piece.at + start, piece.at + min(start + width, piece.length)
                pieces.append((first, last))
                if start:
                    relations.append(Part(first, last, first - width, first))
        for number, first, last in self._step.blocks:
            piece = self._step.pieces[number]
            relations.append(Part(first, last, piece.at, piece.at + piece.length))
        for node, last in self._step.reads:
            start, stop = self._kept[node]
            relations.append(Part(0, last, 0, stop - start, node))
        if window is not None:
            relations = [part for relation in relations for part in self._in_sight(relation, window, device)]
        singles = tuple((first, last) for first, last in pieces if last - first > _SHORT)
        groups = _groups([(first, last) for first, last in pieces if last - first <= _SHORT], device)
        return _Plan(singles, groups, tuple(relations))

    def _in_sight(self, part: Part, window: int, device: torch.device) -> list[Part]:
        """The keys of a part that all of its tokens see, and apart from them those that some see."""
        start = self._kept[part.node][0] if part.node is not None else int(self.positions[part.start])
        count = part.stop - part.start
        tokens = self.positions[part.first : part.last]
        # Key j of the part is at position start + j, and is seen up to position start + j + window - 1.
        nobody = min(max(0, int(tokens.min()) - window + 1 - start), count)
        everybody = min(max(nobody, int(tokens.max()) - window + 1 - start), count)
        found: list[Part] = []
        if everybody < count:
            found.append(Part(part.first, part.last, part.start + everybody, part.stop, part.node))
        if nobody < everybody:
            keys = start + np.arange(nobody, everybody)
            seen = torch.from_numpy(keys[None, :] > tokens[:, None] - window).to(device)
            first, last = part.start + nobody, part.start + everybody
            found.append(Part(part.first, part.last, first, last, part.node, seen))
        return found


def _groups(pieces: list[tuple[int, int]], device: torch.device) -> tuple[Group, ...]:
    """Pieces of similar length together."""
    ordered = sorted(pieces, key=lambda piece: (piece[0] - piece[1], piece[0]))
    groups: list[Group] = []
    begin = 0
    while begin < len(ordered):
        longest = ordered[begin][1] - ordered[begin][0]
        end = begin
        while end < len(ordered) and (ordered[end][1] - ordered[end][0]) * _ALIKE + 4 >= longest:
            end += 1
        first = torch.tensor([piece[0] for piece in ordered[begin:end]])[:, None]
        last = torch.tensor([piece[1] for piece in ordered[begin:end]])[:, None] - 1
        index = torch.arange(longest)[None, :] + first
        rows, columns = (index <= last).nonzero(as_tuple=True)
        index = torch.minimum(index, last)
        groups.append(Group(*(t.to(device) for t in (index, rows, columns, index[rows, columns]))))
        begin = end
    return tuple(groups)
