"""Texts written by llama.cpp: a place in its cache for each, and the next text takes a place as soon as one ends."""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from evalkit.core import ModelError
from evalkit.models.hf.generation.requests import Generation
from evalkit.models.hf.scoring.prefix_tree import build
from evalkit.models.llamacpp.sampling import next_tokens
from evalkit.models.llamacpp.sequences import Ids, Sequences

__all__ = ["generate"]


def generate(work: Generation, sequences: Sequences, *, room: int) -> None:
    """Write every open stream. `room`: the most tokens that the cache can ever hold."""
    for number, stream in enumerate(work.streams):
        if work.is_open(number) and stream.length > room:
            work.fail(number, ModelError(f"no memory for a text of {stream.length} tokens"))
    # Prompts that begin alike are neighbours, and so in the cache at the same time.
    order = sorted(
        (number for number in range(len(work.streams)) if work.is_open(number)),
        key=lambda number: array("I", work.streams[number].ids).tobytes(),
        reverse=True,
    )
    table = _Table(work, sequences, order)
    while table.waiting or table.live:
        try:
            table.turn()
        except ModelError as error:
            table.fall_back(error)
    table.leave()


@dataclass(slots=True)
class _Table:
    """Who waits (the next one last), and who is at work: sequence to number of the stream, and its next token."""

    work: Generation
    sequences: Sequences
    waiting: list[int]
    live: dict[int, int] = field(default_factory=dict)
    tokens: dict[int, int] = field(default_factory=dict)
    begun: dict[int, float] = field(default_factory=dict)
    alone: bool = False
    """After a failure: one text at a time, so that the one at fault fails by itself."""

    def turn(self) -> None:
        """Let in who fits, and write one token of every text at work."""
        places = len(self.live) + len(self.sequences.free())
        # Prompts are computed some at a time: a batch for a single one would hold up all that are being written.
        if self.waiting and (not self.live or places - len(self.live) >= max(1, places // 8)):
            self._admit(1 if self.alone else places)
        if not self.live:
            return
        streams = [self.work.streams[number] for number in self.live.values()]
        logits = self.sequences.step(self.tokens)
        for (sequence, number), token in zip(list(self.live.items()), next_tokens(logits, streams), strict=True):
            stream = self.work.streams[number]
            self.tokens[sequence] = token
            if stream.push(token):
                stream.seconds = (time.perf_counter() - self.begun[number]) / max(1, len(self.live))
                self._end(sequence)
                self.work.settle(number)
            elif not self.work.is_open(number):
                self._end(sequence)

    def _admit(self, places: int) -> None:
        chosen: dict[int, int] = {}
        free = self.sequences.free()
        while self.waiting and free and len(self.live) + len(chosen) < places:
            number = self.waiting[-1]
            if not self.work.is_open(number):
                self.waiting.pop()
                continue
            if not self._fits([*chosen.values(), number]):
                # What an earlier batch left is given up first.
                kept = [sequence for sequence in self.sequences.held if sequence not in self.live]
                if not kept:
                    break
                self.sequences.drop(kept[0])
                continue
            chosen[free.pop(0)] = self.waiting.pop()
        now = time.perf_counter()
        self.live |= chosen
        for sequence, number in chosen.items():
            stream = self.work.streams[number]
            stream.restart()
            self.begun[number] = now
            # The last token of the prompt is the first step's, so that all prompts are computed without logits.
            self.tokens[sequence] = stream.ids[-1]
        bodies = {sequence: self.work.streams[number].ids[:-1] for sequence, number in chosen.items()}
        for _ in self.sequences.extend(bodies, {}):
            pass

    def _fits(self, more: Sequence[int]) -> bool:
        numbers = [*self.live.values(), *more]
        kept = [ids for sequence, ids in self.sequences.held.items() if sequence not in self.live]
        bodies: list[Ids] = [self.work.streams[number].ids[:-1] for number in numbers]
        own = sum(self.work.streams[number].limit + 1 for number in numbers)
        return build([*kept, *bodies]).tokens + own <= self.sequences.cells

    def _end(self, sequence: int) -> None:
        del self.live[sequence], self.tokens[sequence]
        self.sequences.drop(sequence)

    def fall_back(self, error: ModelError) -> None:
        """After a call that failed: begin again one by one; a text that was alone has failed."""
        self.sequences.clear()
        numbers = list(self.live.values())
        self.live.clear()
        self.tokens.clear()
        if self.alone or len(numbers) == 1:
            for number in numbers:
                self.work.fail(number, error)
        else:
            self.waiting.extend(numbers)
        self.alone = True

    def leave(self) -> None:
        """Leave nothing behind but what an earlier batch left."""
        for sequence in list(self.live):
            self._end(sequence)
