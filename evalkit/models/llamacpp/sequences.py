"""Token sequences in llama.cpp's key-value cache: what they begin with alike is computed and kept once.

llama.cpp lets a cell of its (unified) cache belong to several sequences, and a token of a batch, too. So the prefix
tree of everything that is asked goes into few batches: a node's tokens belong to all sequences that pass through it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.core import ModelError
from evalkit.models.hf.counters import Counters
from evalkit.models.hf.scoring.prefix_tree import Tree, build
from evalkit.models.llamacpp.library import complaint, library

__all__ = ["LlamaContext", "Output", "Sequences"]

Ids = tuple[int, ...]
Logits = NDArray[np.float32]

_FEWEST = 256
"""Cells that a cache has at least."""
_OUTPUT_BYTES = 1 << 26
"""Logits of one call take at most this much memory (one row always fits)."""


@dataclass(frozen=True, slots=True)
class LlamaContext:
    """How a model's context is made: everything of it but its size."""

    model: Any
    vocabulary: int
    threads: int
    batch: int
    sequences: int
    kv: int
    flash_attention: int
    shares: bool = True
    """Whether sequences can share what they begin with; a recurrent model keeps one state for each."""

    @property
    def outputs(self) -> int:
        """Rows of logits that one call may return."""
        return max(1, min(self.batch, _OUTPUT_BYTES // (4 * self.vocabulary)))


@dataclass(slots=True)
class Output:
    """Logits of one call: row `places[i]` of them is what sequence `asked[i][0]` wants as number `asked[i][1]`."""

    logits: Logits
    asked: list[tuple[int, int]]
    places: list[int]


@dataclass(slots=True)
class _Batch:
    """Tokens laid end to end: their ids, positions, and by number the set of sequences of each."""

    tokens: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)
    sets: list[Sequence[int]] = field(default_factory=list)

    def add(self, tokens: Sequence[int], start: int, sequences: Sequence[int]) -> None:
        self.tokens.extend(tokens)
        self.positions.extend(range(start, start + len(tokens)))
        self.owners.extend([len(self.sets)] * len(tokens))
        self.sets.append(sequences)


class Sequences:
    """One model's cache. For one thread. `held` says which tokens each sequence has in it."""

    def __init__(self, context: LlamaContext, counters: Counters) -> None:
        self._llama = library()
        self._context = context
        self._counters = counters
        self._pointer: Any = None
        self._memory: Any = None
        self.cells = 0
        self.held: dict[int, Ids] = {}

    def reserve(self, cells: int, *, least: int) -> None:
        """Make room for `cells` tokens; where memory does not suffice for `least`, or else for as many as it does.

        Raises ModelError where there is no memory at all. What was held is lost where the cache grows.
        """
        while cells > self.cells:
            self.close()
            params = self._llama.llama_context_default_params()
            params.n_ctx = -(-cells // 256) * 256
            params.n_batch = min(self._context.batch, params.n_ctx)
            params.n_ubatch = min(512, params.n_batch)
            params.n_seq_max = self._context.sequences
            params.n_threads = params.n_threads_batch = self._context.threads
            params.type_k = params.type_v = self._context.kv
            params.flash_attn_type = self._context.flash_attention
            params.kv_unified = True
            params.swa_full = True
            if hasattr(params, "n_outputs_max"):
                params.n_outputs_max = max(self._context.outputs, self._context.sequences)
            self._pointer = self._llama.llama_init_from_model(self._context.model, params)
            if self._pointer:
                self.cells = int(params.n_ctx)
                self._memory = self._llama.llama_get_memory(self._pointer)
                return
            why = complaint()
            if cells <= _FEWEST:
                raise ModelError(f"llama.cpp has no memory for a context of {cells} tokens ({why})")
            cells = max(least if cells > least else _FEWEST, cells // 2)

    def free(self) -> list[int]:
        """The numbers of sequences that hold nothing."""
        return [number for number in range(self._context.sequences) if number not in self.held]

    def drop(self, sequence: int) -> None:
        """Forget a sequence; what others share with it stays."""
        if self.held.pop(sequence, None) is not None:
            self._llama.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def trim(self, sequence: int, length: int) -> None:
        """Keep the first `length` tokens of a sequence."""
        if length <= 0 or not self._context.shares:
            self.drop(sequence)
        elif length < len(self.held[sequence]):
            self._llama.llama_memory_seq_rm(self._memory, sequence, length, -1)
            self.held[sequence] = self.held[sequence][:length]

    def clear(self) -> None:
        """Forget everything, also what a failed call may have left."""
        self.held.clear()
        if self._memory:
            self._llama.llama_memory_clear(self._memory, False)

    def extend(self, new: Mapping[int, Ids], wanted: Mapping[int, Sequence[int]]) -> Iterator[Output]:
        """Compute `new` sequences (numbers that hold nothing yet), and yield the logits at their wanted positions.

        What they share with each other or with what is held is not computed again; a position whose logits are wanted
        always is. Raises ModelError where llama.cpp refuses; the cache is then to be cleared.
        """
        self._uncover(new, wanted)
        batch = _Batch()
        spans = self._laid_out(batch, new) if self._context.shares else _apart(batch, new)
        asked: dict[int, list[tuple[int, int]]] = {}
        for sequence, positions in wanted.items():
            for which, position in enumerate(positions):
                at = next(at + position - start for start, at in spans[sequence] if start <= position)
                asked.setdefault(at, []).append((sequence, which))
        self.held.update(new)
        yield from self._run(batch, asked)

    def step(self, tokens: Mapping[int, int]) -> Logits:
        """Add one token to each of several sequences; the logits after it, a row for each, in order."""
        batch = _Batch()
        for sequence, token in tokens.items():
            batch.add((token,), len(self.held.get(sequence, ())), (sequence,))
            self.held[sequence] = (*self.held.get(sequence, ()), token)
        asked = {place: [(sequence, 0)] for place, sequence in enumerate(tokens)}
        # Copied: a second part of the batch is written over the first one's logits.
        return np.concatenate([output.logits.copy() for output in self._run(batch, asked)])

    def _uncover(self, new: Mapping[int, Ids], wanted: Mapping[int, Sequence[int]]) -> None:
        """Forget of what is held where a new sequence wants logits, for those are not kept."""
        for number, ids in list(self.held.items()):
            keep = len(ids)
            for sequence, positions in wanted.items():
                if positions:
                    first = min(positions)
                    if first < keep and new[sequence][: first + 1] == ids[: first + 1]:
                        keep = first
            if keep < len(ids):
                self.trim(number, keep)

    def _laid_out(self, batch: _Batch, new: Mapping[int, Ids]) -> dict[int, list[tuple[int, int]]]:
        """Put what is not held yet into the batch. For each new sequence its computed parts, from its last to its
        first: (position of the part's first token, that token's place in the batch)."""
        sequences = [*self.held.values(), *new.values()]
        tree = build(sequences)
        owner: dict[int, int] = {}
        for number, end in zip(self.held, tree.ends, strict=False):
            for node in _path(tree, end):
                owner.setdefault(node, number)
        users: dict[int, list[int]] = {}
        paths: dict[int, list[int]] = {}
        for number, end in zip(new, tree.ends[len(self.held) :], strict=True):
            paths[number] = []
            for node in _path(tree, end):
                if node in owner:
                    self._llama.llama_memory_seq_cp(self._memory, owner[node], number, 0, tree.stops[node])
                    break
                users.setdefault(node, []).append(number)
                paths[number].append(node)
        at: dict[int, int] = {}
        for node in sorted(users):
            at[node] = len(batch.tokens)
            tokens = sequences[tree.rows[node]][tree.starts[node] : tree.stops[node]]
            batch.add(tokens, tree.starts[node], users[node])
        return {number: [(tree.starts[node], at[node]) for node in path] for number, path in paths.items()}

    def _run(self, batch: _Batch, asked: Mapping[int, list[tuple[int, int]]]) -> Iterator[Output]:
        """Hand the batch to llama.cpp, a part at a time."""
        tokens = np.asarray(batch.tokens, np.int32)
        positions = np.asarray(batch.positions, np.int32)
        sets = [np.asarray(numbers, np.int32) for numbers in batch.sets]
        owners = np.asarray(batch.owners, np.int64)
        sizes = np.asarray([len(numbers) for numbers in sets], np.int32)[owners]
        pointers = np.asarray([numbers.ctypes.data for numbers in sets], np.uint64)[owners]
        flags = np.zeros(len(tokens), np.int8)
        flags[list(asked)] = 1
        before = np.concatenate([[0], np.cumsum(flags, dtype=np.int64)])
        begin = 0
        while begin < len(tokens):
            fits = int(np.searchsorted(before, before[begin] + self._context.outputs, side="right")) - 1
            end = min(begin + self._context.batch, fits, len(tokens))
            arrays = [part[begin:end] for part in (tokens, positions, sizes, pointers, flags)]
            self._decode(*arrays)
            count = int(before[end] - before[begin])
            self._counters.passes += 1
            self._counters.tokens_computed += end - begin
            self._counters.logits_computed += count
            if count:
                rows = np.flatnonzero(flags[begin:end]) + begin
                pairs = [(pair, row) for row, place in enumerate(rows.tolist()) for pair in asked[place]]
                yield Output(self._logits(count), [pair for pair, _ in pairs], [row for _, row in pairs])
            begin = end

    def _decode(self, tokens: Any, positions: Any, sizes: Any, pointers: Any, flags: Any) -> None:
        llama, token = self._llama, self._llama.llama_token
        batch = llama.llama_batch(
            n_tokens=len(tokens),
            token=tokens.ctypes.data_as(ctypes.POINTER(token)),
            embd=None,
            pos=positions.ctypes.data_as(ctypes.POINTER(llama.llama_pos)),
            n_seq_id=sizes.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)),
            seq_id=pointers.ctypes.data_as(ctypes.POINTER(ctypes.POINTER(llama.llama_seq_id))),
            logits=flags.ctypes.data_as(ctypes.POINTER(ctypes.c_int8)),
        )
        code = int(llama.llama_decode(self._pointer, batch))
        if code:
            why = "its cache is full" if code == 1 else complaint() or f"code {code}"
            raise ModelError(f"llama.cpp could not compute {len(tokens)} tokens: {why}")

    def _logits(self, rows: int) -> Logits:
        """The logits of the last call, read where they lie: they are gone with the next."""
        pointer = self._llama.llama_get_logits(self._pointer)
        return np.ctypeslib.as_array(pointer, (rows, self._context.vocabulary))

    def close(self) -> None:
        """Free the cache."""
        self.held.clear()
        pointer, self._pointer, self._memory, self.cells = self._pointer, None, None, 0
        if pointer:
            self._llama.llama_free(pointer)


def _path(tree: Tree, end: int) -> Iterator[int]:
    """A sequence's nodes from its last to its first."""
    while end >= 0:
        yield end
        end = tree.parents[end]


def _apart(batch: _Batch, new: Mapping[int, Ids]) -> dict[int, list[tuple[int, int]]]:
    """Every sequence by itself, from its beginning; like `_laid_out`."""
    spans: dict[int, list[tuple[int, int]]] = {}
    for number, ids in new.items():
        spans[number] = [(0, len(batch.tokens))]
        if ids:
            batch.add(ids, 0, (number,))
    return spans
