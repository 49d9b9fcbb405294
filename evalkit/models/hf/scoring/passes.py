"""Which nodes of a prefix tree are computed in which forward pass: a tree in, passes out, nothing of tensors.

The tree is walked depth-first and the walk is cut into passes. What the nodes behind a cut go on from is kept (its keys
and values) until its last branch is computed, so every node is computed once, and what is kept at any time is one path
through the tree. Where not all of the path may be kept, the rest of it is computed again behind the cut. Such a cut
lies right behind the end of a sequence only: the next sequence, computed alone, would begin with all of that path, so
computing the path again costs no more than sharing saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evalkit.models.hf.scoring.prefix_tree import Tree, build

__all__ = ["Pass", "Piece", "Wanted", "plan"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Piece:
    """The tokens [start, stop) of sequence `row`, at those positions; the pass computes them from place `at` on."""

    row: int
    start: int
    stop: int
    at: int = 0

    @property
    def length(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Wanted:
    """The outputs at `places` of a pass are what sequence `row` wants at its positions numbered `which`."""

    row: int
    which: IntArray
    places: IntArray


@dataclass(slots=True)
class Pass:
    """Pieces of text laid end to end. Every token sees itself and what is before it in its own piece, and besides:

    `blocks`, (p, first, last): tokens [first, last) of the pass see all of piece p. `reads`, (node, last): tokens
    [0, last) see all of a kept node. `keeps`, (p, node): piece p is to be kept under that name. `drops`: kept nodes
    that nothing needs after this pass.
    """

    pieces: list[Piece] = field(default_factory=list)
    tokens: int = 0
    blocks: list[tuple[int, int, int]] = field(default_factory=list)
    reads: list[tuple[int, int]] = field(default_factory=list)
    keeps: list[tuple[int, int]] = field(default_factory=list)
    drops: list[int] = field(default_factory=list)
    wanted: list[Wanted] = field(default_factory=list)

    @property
    def longest(self) -> int:
        """The length of the longest text that a token of the pass ends."""
        return max((piece.stop for piece in self.pieces), default=0)


def plan(
    sequences: Sequence[Sequence[int]],
    positions: Sequence[Sequence[int]],
    *,
    budget: int,
    limit: int,
    worth: int = 0,
    longest: int = 0,
) -> list[Pass]:
    """Passes that compute every wanted position of every sequence, each seeing exactly the sequence before it.

    A pass has at most `budget` tokens unless a single node, or one path that can't be kept, has more. At most `limit`
    tokens are kept at any time. `worth` and `longest`: see `tree.build`. The tokens of all passes never exceed those
    of the sequences, and are those of the tree where `limit` allows to keep its longest path.
    """
    # What follows the last wanted position is not computed.
    cut = [ids[: max(wanted) + 1] if wanted else () for ids, wanted in zip(sequences, positions, strict=True)]
    tree = build(cut, worth=worth, longest=longest)
    # Old and new are kept at the same time while a pass runs.
    return _Cutter(tree, _wanted(tree, positions), budget, limit // 2).passes()


def _wanted(tree: Tree, positions: Sequence[Sequence[int]]) -> list[list[Wanted]]:
    """For every node, the positions that are wanted in it, as places in the node."""
    wanted: list[list[Wanted]] = [[] for _ in tree.rows]
    for row, listed in enumerate(positions):
        at = np.asarray(listed, np.int64)
        which, node = np.arange(len(at)), tree.ends[row]
        while len(at):
            start = tree.starts[node]
            here = at >= start
            wanted[node].append(Wanted(row, which[here], at[here] - start))
            at, which, node = at[~here], which[~here], tree.parents[node]
    return wanted


@dataclass(slots=True)
class _Open:
    """A node on the path to where the walk is: the piece that it is in the present pass, and whether it is kept."""

    node: int
    piece: int = -1
    kept: bool = False


class _Cutter:
    """The walk through the tree."""

    def __init__(self, tree: Tree, wanted: list[list[Wanted]], budget: int, limit: int) -> None:
        self._tree = tree
        self._wanted = wanted
        self._budget = budget
        self._limit = limit
        self._path: list[_Open] = []
        self._pass = Pass()
        self._passes: list[Pass] = []
        self._kept: set[int] = set()

    def passes(self) -> list[Pass]:
        runs = self._runs()
        for node, parent in enumerate(self._tree.parents):
            while self._path and self._path[-1].node != parent:
                self._close(self._path.pop())
            if self._pass.tokens and runs[node] and self._pass.tokens + runs[node] > self._budget:
                self._cut()
            opened = _Open(node)
            self._path.append(opened)
            self._place(opened, new=True)
        while self._path:
            self._close(self._path.pop())
        self._cut()
        return self._passes

    def _runs(self) -> list[int]:
        """For every node how many tokens must share a pass if it begins there; 0 where no pass may begin.

        A pass may begin at a node whose path can all be kept, and where a sequence has just ended: computing the path
        again costs at most what that sequence and the next one have in common, and that was computed only once.
        """
        starts, stops, ending = self._tree.starts, self._tree.stops, set(self._tree.ends)
        runs = [0] * len(starts)
        behind = 0
        for node in range(len(starts) - 1, -1, -1):
            length = stops[node] - starts[node] + behind
            # What comes before a node in this order is its parent, or a leaf, in which a sequence ends.
            if node == 0 or starts[node] <= self._limit or node - 1 in ending:
                runs[node], behind = length, 0
            else:
                behind = length
        return runs

    def _place(self, opened: _Open, *, new: bool) -> None:
        """Put a node into the present pass."""
        node, at = opened.node, self._pass.tokens
        piece = Piece(self._tree.rows[node], self._tree.starts[node], self._tree.stops[node], at)
        opened.piece = len(self._pass.pieces)
        self._pass.pieces.append(piece)
        self._pass.tokens += piece.length
        if new:
            self._pass.wanted.extend(Wanted(w.row, w.which, at + w.places) for w in self._wanted[node])

    def _close(self, opened: _Open) -> None:
        """Note what the present pass has below a node, when the walk leaves the node or the pass ends."""
        end = self._pass.tokens
        if opened.kept:
            if end:
                self._pass.reads.append((opened.node, end))
            return
        piece = self._pass.pieces[opened.piece]
        if end > piece.at + piece.length:
            self._pass.blocks.append((opened.piece, piece.at + piece.length, end))

    def _cut(self) -> None:
        """End the present pass, keep what fits of the path, and begin the next with the rest of it."""
        kept: set[int] = set()
        size = 0
        again: list[_Open] = []
        for opened in self._path:
            self._close(opened)
        for opened in self._path:
            size += self._tree.stops[opened.node] - self._tree.starts[opened.node]
            if size > self._limit:
                again.append(opened)
                opened.kept = False
                continue
            kept.add(opened.node)
            if not opened.kept:
                self._pass.keeps.append((opened.piece, opened.node))
                opened.kept, opened.piece = True, -1
        self._pass.drops = sorted(self._kept - kept)
        if self._pass.tokens:
            self._passes.append(self._pass)
        self._kept, self._pass = kept, Pass()
        for opened in again:
            self._place(opened, new=False)
