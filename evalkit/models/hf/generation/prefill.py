"""Computing prompts before texts are written: what they share once, in packed passes, long ones in chunks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain, count, pairwise
from typing import Any

import torch

from evalkit.models.hf.forward.padded_pass import Forward
from evalkit.models.hf.forward.tree_attention import Kept, packed
from evalkit.models.hf.loading.loaded_model import Loaded
from evalkit.models.hf.scoring.passes import Pass, plan

__all__ = ["Prefill", "Prompt", "Ready"]

Prompt = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """A prompt that is computed: which it is, what of it only its own slot holds, and what others read too."""

    number: int
    own: tuple[Kept, ...]
    shared: tuple[Kept, ...]


@dataclass(slots=True)
class _Stage:
    """A pass, the prompts that end in it with the names of the parts they consist of, and all prompts that need it."""

    step: Pass
    ending: list[tuple[int, int, tuple[int, ...]]] = field(default_factory=list)
    serves: set[int] = field(default_factory=set)


class Prefill:
    """The passes over a set of prompts, one at a time, in an order in which prompts that share are neighbours."""

    def __init__(self, prompts: Sequence[Prompt], *, budget: int, worth: int, readers: int, room: int) -> None:
        """Passes have up to `budget` tokens; a shared beginning is computed once where that saves `worth` of them.

        A part that `readers` prompts have in common, with `worth` tokens at least, is not copied into slots; all such
        parts together have at most `room` tokens.
        """
        self._prompts = prompts
        steps = plan(
            self._prompts,
            [(len(ids) - 1,) for ids in self._prompts],
            budget=budget,
            # The path to where the walk is must be kept, or it would be computed again.
            limit=4 * max(map(len, self._prompts), default=0),
            worth=worth,
            # Long prompts in chunks: what a pass takes in memory depends on its tokens.
            longest=budget,
        )
        self._stages, lengths = _stages(steps)
        users = Counter(name for stage in self._stages for _, _, path in stage.ending for name in path)
        self._shared = _worth_sharing(users, lengths, worth, readers, room)
        self.shared_tokens = sum(lengths[name] for name in self._shared)
        self._lengths = lengths
        self._kept: dict[int, Kept] = {}
        self._next = 0

    def own_tokens(self) -> dict[int, int]:
        """For every prompt, the tokens that its slot holds before anything is written."""
        return {
            number: sum(self._lengths[name] for name in path if name not in self._shared)
            for stage in self._stages
            for number, _, path in stage.ending
        }

    def has_more(self, is_open: Callable[[int], bool]) -> bool:
        """Whether there is another pass that an open prompt needs; those before it are left out."""
        while self._next < len(self._stages):
            stage = self._stages[self._next]
            if any(is_open(number) for number in stage.serves):
                return True
            self._next += 1
            self._drop(stage.step)
        return False

    def size(self) -> tuple[int, list[int]]:
        """Tokens of the next pass, and the prompts that need it where it is over a single text; else no prompts."""
        stage = self._stages[self._next]
        pieces = stage.step.pieces
        is_one = all(one.stop == other.start for one, other in pairwise(pieces))
        return stage.step.tokens, sorted(stage.serves) if is_one else []

    def run(self, loaded: Loaded, forward: Forward) -> tuple[list[Ready], torch.Tensor, list[int]]:
        """Compute the next pass: the prompts that end in it, logits (places, vocabulary), each prompt's place."""
        stage = self._stages[self._next]
        step = stage.step
        ids = list(chain.from_iterable(self._prompts[p.row][p.start : p.stop] for p in step.pieces))
        positions = list(chain.from_iterable(range(p.start, p.stop) for p in step.pieces))
        inputs: dict[str, Any] = {
            "input_ids": torch.tensor([ids], device=loaded.device),
            "position_ids": torch.tensor([positions], device=loaded.device),
            "use_cache": False,
        }
        wanted = sorted({place for _, place, _ in stage.ending})
        # A pass in which no prompt ends computes one place's logits all the same, which are not read.
        places = torch.tensor(wanted or [step.tokens - 1])
        last = forward.last
        narrowed = last.narrowed(places, step.tokens) if last else None
        with packed(loaded.model, step, self._kept, last, narrowed) as new:
            logits = torch.cat([piece.float() for _, piece in forward.pieces(inputs, places)])
        parts = {**self._kept, **new}
        ready = [
            Ready(
                number,
                tuple(parts[name] for name in path if name not in self._shared),
                tuple(parts[name] for name in path if name in self._shared),
            )
            for number, _, path in stage.ending
        ]
        self._kept |= {name: part for name, part in new.items() if name >= 0}
        self._drop(step)
        self._next += 1
        at = {place: number for number, place in enumerate(wanted)}
        return ready, logits, [at[place] for _, place, _ in stage.ending]

    def _drop(self, step: Pass) -> None:
        for node in step.drops:
            self._kept.pop(node, None)


def _stages(steps: Sequence[Pass]) -> tuple[list[_Stage], dict[int, int]]:
    """The passes with the paths of the prompts that end in them, and the length of every part by its name.

    A part that the plan keeps has its node's number for a name; another that a prompt consists of gets a negative one.
    """
    unused = count(-1, -1)
    lengths: dict[int, int] = {}
    stages: list[_Stage] = []
    keeper: dict[int, _Stage] = {}
    needs: list[list[_Stage]] = []
    for step in steps:
        stage = _Stage(step)
        needs.append([keeper[node] for node, _ in step.reads])
        names = dict(step.keeps)
        for wanted in step.wanted:
            for place in wanted.places.tolist():
                path = _path(step, place)
                inside = [p for p in path if p >= 0]
                for piece in inside:
                    names.setdefault(piece, next(unused))
                read = [node for node, last in step.reads if place < last]
                stage.ending.append((wanted.row, place, (*read, *(names[piece] for piece in inside))))
        step.keeps = list(names.items())
        lengths |= {name: step.pieces[piece].length for piece, name in step.keeps}
        keeper |= {name: stage for name in names.values() if name >= 0}
        stage.serves = {row for row, _, _ in stage.ending}
        stages.append(stage)
    for stage, needed in zip(reversed(stages), reversed(needs), strict=True):
        for other in needed:
            other.serves |= stage.serves
    return stages, lengths


def _path(step: Pass, place: int) -> list[int]:
    """The pieces of a pass that the token at `place` sees, its own the last, in their order in the text."""
    own = next(n for n, piece in enumerate(step.pieces) if piece.at <= place < piece.at + piece.length)
    above = [piece for piece, first, last in step.blocks if first <= place < last]
    return [*sorted(above, key=lambda number: step.pieces[number].start), own]


def _worth_sharing(users: Counter[int], lengths: dict[int, int], worth: int, readers: int, room: int) -> set[int]:
    """The names of the parts that are read where they lie, those first that save most."""
    shared: set[int] = set()
    for name in sorted(users, key=lambda name: (-users[name] * lengths[name], name)):
        if users[name] >= readers and lengths[name] >= worth and lengths[name] <= room:
            shared.add(name)
            room -= lengths[name]
    return shared
