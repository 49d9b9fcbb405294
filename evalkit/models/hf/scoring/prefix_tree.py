"""The prefix tree of token sequences: what they have in common is in it once. Pure Python, no tensors."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Tree", "build"]

_THIN = 64
"""Attending to a shared node costs each token below it about 1/64 of computing a token, whatever the node's length."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Nodes in depth-first order: node n is the tokens [starts[n], stops[n]) of sequence rows[n], at those positions.

    `parents[n]` < n is the node it goes on from, -1 for a root. `ends[s]` is the node of sequence s's last token, -1
    where the sequence is empty. A sequence's tokens are those of the path from a root to its end.
    """

    rows: tuple[int, ...]
    starts: tuple[int, ...]
    stops: tuple[int, ...]
    parents: tuple[int, ...]
    ends: tuple[int, ...]

    @property
    def tokens(self) -> int:
        """Tokens of all nodes."""
        return sum(self.stops) - sum(self.starts)


def build(sequences: Sequence[Sequence[int]], *, worth: int = 0, longest: int = 0) -> Tree:
    """The tree of `sequences` (token ids below 2**32); equal ones end at one node.

    With worth 0 every common prefix is a separate node. Else a node is kept apart only where that saves at least
    `worth` tokens, and more where much hangs below it; the others are repeated in each of their branches. A node of
    more than `longest` tokens (0: any) is a chain of several.
    """
    draft = _Draft(sequences)
    order = draft.preorder()
    if worth:
        draft.fold(order, worth)
        order = draft.preorder()
    if longest:
        draft.chop(order, longest)
        order = draft.preorder()
    number = {node: place for place, node in enumerate(order)}
    number[-1] = -1
    return Tree(
        tuple(draft.rows[node] for node in order),
        tuple(draft.starts[node] for node in order),
        tuple(draft.stops[node] for node in order),
        tuple(number[draft.parents[node]] for node in order),
        tuple(number[end] for end in draft.ends),
    )


class _Draft:
    """The tree while it grows; `children[n]` in the order of the sorted sequences, `roots` those of no parent."""

    def __init__(self, sequences: Sequence[Sequence[int]]) -> None:
        self.rows: list[int] = []
        self.starts: list[int] = []
        self.stops: list[int] = []
        self.parents: list[int] = []
        self.ends = [-1] * len(sequences)
        self._grow(sequences)
        self.roots: list[int] = []
        self.children: list[list[int]] = [[] for _ in self.rows]
        # A node's number is smaller than those of its later siblings (see _grow).
        for node, parent in enumerate(self.parents):
            (self.children[parent] if parent >= 0 else self.roots).append(node)

    def _grow(self, sequences: Sequence[Sequence[int]]) -> None:
        """Add the sequences in sorted order, each along the path that the one before it left open."""
        # Bytes are compared and sorted fast. Their order is not that of the ids, but what begins alike is together.
        keys = [array("I", ids).tobytes() for ids in sequences]
        order = sorted((number for number, key in enumerate(keys) if key), key=keys.__getitem__)
        path: list[int] = []
        before, end = b"", -1
        for number in order:
            key = keys[number]
            common = _common(before, key)
            while path and self.starts[path[-1]] >= common:
                path.pop()
            if path and self.stops[path[-1]] > common:
                path[-1] = self._split(path[-1], common)
            if len(key) == 4 * common:  # equal to the one before
                self.ends[number] = end
                continue
            end = self._add(number, common, len(key) // 4, path[-1] if path else -1)
            path.append(end)
            self.ends[number] = end
            before = key

    def _add(self, row: int, start: int, stop: int, parent: int) -> int:
        self.rows.append(row)
        self.starts.append(start)
        self.stops.append(stop)
        self.parents.append(parent)
        return len(self.rows) - 1

    def _split(self, node: int, at: int) -> int:
        """The new parent of `node`, which takes its tokens before `at`."""
        upper = self._add(self.rows[node], self.starts[node], at, self.parents[node])
        self.starts[node], self.parents[node] = at, upper
        return upper

    def chop(self, order: list[int], longest: int) -> None:
        """Make a chain of every node that is too long; the node itself stays its end."""
        for node in order:
            while self.stops[node] - self.starts[node] > longest:
                parent = self.parents[node]
                siblings = self.children[parent] if parent >= 0 else self.roots
                upper = self._split(node, self.starts[node] + longest)
                self.children.append([node])
                siblings[siblings.index(node)] = upper

    def preorder(self) -> list[int]:
        """All nodes that hang together, each before its children."""
        order: list[int] = []
        todo = self.roots[::-1]
        while todo:
            node = todo.pop()
            order.append(node)
            todo.extend(reversed(self.children[node]))
        return order

    def fold(self, order: list[int], worth: int) -> None:
        """Repeat in its branches every node whose being shared saves too little; from the leaves up."""
        ending = set(self.ends)
        below = [0] * len(self.rows)
        for node in reversed(order):
            children, length = self.children[node], self.stops[node] - self.starts[node]
            parent = self.parents[node]
            if children:
                saved = length * (len(children) - 1 + (node in ending))
                if _THIN * (saved - worth) < below[node]:
                    below[node] += saved
                    self._fold_one(node, stays=node in ending)
            if parent >= 0:
                below[parent] += below[node] + length

    def _fold_one(self, node: int, *, stays: bool) -> None:
        """Give a node's tokens to each of its children; it stays next to them where a sequence ends in it."""
        parent = self.parents[node]
        siblings = self.children[parent] if parent >= 0 else self.roots
        children, self.children[node] = self.children[node], []
        for child in children:
            self.starts[child], self.parents[child] = self.starts[node], parent
        place = siblings.index(node)
        siblings[place : place + 1] = [node, *children] if stays else children


def _common(one: bytes, other: bytes) -> int:
    """How many tokens (of four bytes) two sequences begin with alike."""
    length = min(len(one), len(other)) // 4
    differ = np.frombuffer(one, np.uint32, length) != np.frombuffer(other, np.uint32, length)
    place = int(differ.argmax()) if length else 0
    return place if length and differ[place] else length
