"""Writing many texts over a fixed number of slots: one that ends leaves at once, and one that waits takes its place."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch

from evalkit.models.hf.forward.padded_pass import Forward
from evalkit.models.hf.forward.slot_attention import step_logits
from evalkit.models.hf.generation.drafts import Drafts, Siblings
from evalkit.models.hf.generation.kv_slots import Slots
from evalkit.models.hf.generation.prefill import Prefill, Ready
from evalkit.models.hf.generation.requests import Generation
from evalkit.models.hf.generation.sampling import next_tokens
from evalkit.models.hf.generation.stream import Stream
from evalkit.models.hf.generation.ties import decide
from evalkit.models.hf.loading.loaded_model import Loaded

__all__ = ["ContinuousBatching", "GenerationCounters", "SlotLimits", "Underway"]

_SAMPLED = 64
"""For so many texts at a time the first token is picked: many samples of one prompt share their logits."""


@dataclass(slots=True)
class GenerationCounters:
    """Sums since the model was loaded."""

    prompt_tokens_asked: int = 0
    """Tokens of all prompts, each computed for every text from its beginning."""
    prompt_tokens_computed: int = 0
    tokens_written: int = 0
    tokens_guessed: int = 0
    guessed_right: int = 0
    passes: int = 0
    steps: int = 0
    prefill_seconds: float = 0.0
    step_seconds: float = 0.0
    most_slot_bytes: int = 0
    """The most that a round's slots took; what texts share lies next to them."""


@dataclass(frozen=True, slots=True)
class SlotLimits:
    """Tokens of one pass over prompts, tokens that all slots hold together, and the most slots.

    `worth` and `readers`: see Prefill. `guesses`: texts and guessed tokens of a step at most, 0 for no guesses.
    """

    pass_tokens: int
    slot_tokens: int
    slots: int
    worth: int
    readers: int
    guesses: int = 0


@dataclass(frozen=True, slots=True)
class Underway:
    """What is being computed, for where memory runs out: a pass over prompts or a step over slots, and its tokens.

    `alone` are the streams that fail where less of it can't be computed at a time: a pass over a single text has the
    streams that go on from it, a step over one slot the stream in it; else it is empty.
    """

    in_pass: bool
    tokens: int
    alone: tuple[int, ...]


class ContinuousBatching:
    """One round: some streams from their beginning to their end. Call it under torch.inference_mode."""

    def __init__(
        self,
        loaded: Loaded,
        forward: Forward,
        generation: Generation,
        numbers: Sequence[int],
        limits: SlotLimits,
        counters: GenerationCounters,
    ) -> None:
        self._loaded = loaded
        self._forward = forward
        self._generation = generation
        self._numbers = numbers
        self._counters = counters
        self._is_exact = loaded.model.dtype == torch.float32
        streams = [generation.streams[number] for number in numbers]
        for stream in streams:
            stream.restart()
        self.prefill = Prefill(
            [stream.ids for stream in streams],
            budget=limits.pass_tokens,
            worth=limits.worth,
            readers=limits.readers,
            room=limits.slot_tokens // 2,
        )
        own = self.prefill.own_tokens()
        needs = [own[row] + stream.limit for row, stream in enumerate(streams)]
        self.width = max(needs)
        self._widest = numbers[needs.index(self.width)]
        room = limits.slot_tokens - self.prefill.shared_tokens
        self.count = max(1, min(room // self.width, limits.slots, len(streams)))
        self._slots: Slots | None = None
        self._rows: list[int] = []
        """Which stream is in which slot."""
        self._guesses = limits.guesses if self._is_exact else 0
        self._drafts: dict[int, Drafts] = {}
        """Of the streams that were in a slot so far, those that can be guessed at."""
        self._siblings = Siblings()
        self._waiting: deque[Ready] = deque()
        self._clock = 0.0
        """Seconds of every step so far, divided by the texts that were in it."""
        self.underway = Underway(False, 0, ())

    def run(self) -> None:
        """Write all streams that are open, each settled as it ends."""
        while True:
            self._admit()
            if not self._rows:
                return
            self._step()

    # ------------------------------------------------------------ prompts

    def _admit(self) -> None:
        """Fill the free slots, and compute prompts as long as there are some."""
        while len(self._rows) < self.count:
            if not self._waiting:
                if not self.prefill.has_more(lambda row: self._generation.is_open(self._numbers[row])):
                    return
                self._compute()
            elif (ready := self._next_ready()) is not None:
                assert self._slots is not None
                self._slots.add(ready.own, ready.shared)
                self._rows.append(self._numbers[ready.number])

    def _next_ready(self) -> Ready | None:
        while self._waiting:
            ready = self._waiting.popleft()
            if self._generation.is_open(self._numbers[ready.number]):
                return ready
        return None

    def _compute(self) -> None:
        """One pass over prompts; every text whose prompt ends in it gets its first token."""
        begun = time.perf_counter()
        computed, alone = self.prefill.size()
        self.underway = Underway(True, computed, tuple(self._numbers[row] for row in alone))
        readies, logits, places = self.prefill.run(self._loaded, self._forward)
        if self._slots is None and readies:
            self._make_slots(readies[0])
        tokens: list[int] = []
        streams = [self._generation.streams[self._numbers[ready.number]] for ready in readies]
        for first in range(0, len(readies), _SAMPLED):
            some = slice(first, first + _SAMPLED)
            tokens += self._pick(logits[torch.tensor(places[some], device=logits.device)], streams[some])
        seconds = time.perf_counter() - begun
        self._counters.passes += 1
        self._counters.prefill_seconds += seconds
        self._counters.prompt_tokens_computed += computed
        for ready, stream, token in zip(readies, streams, tokens, strict=True):
            number = self._numbers[ready.number]
            if not self._generation.is_open(number):
                continue
            self._counters.prompt_tokens_asked += len(stream.ids)
            stream.seconds = seconds / len(readies) - self._clock
            if stream.push(token):
                self._settle(number)
            else:
                self._waiting.append(ready)

    def _pick(self, logits: torch.Tensor, streams: Sequence[Stream]) -> list[int]:
        tokens = next_tokens(logits, streams)
        return decide(self._forward, logits, streams, tokens) if self._is_exact else tokens

    def _make_slots(self, like: Ready) -> None:
        self.underway = self._of_slots(self._widest)
        self._slots = Slots(self.count, self.width, (*like.own, *like.shared)[0])
        self._counters.most_slot_bytes = max(self._counters.most_slot_bytes, self._slots.size)

    def _of_slots(self, number: int) -> Underway:
        return Underway(False, self.count * self.width, (number,) if self.count == 1 else ())

    # ------------------------------------------------------------ steps

    def _step(self) -> None:
        """One more token for every text in a slot, and those guessed tokens behind it that are right."""
        assert self._slots is not None
        begun = time.perf_counter()
        self.underway = self._of_slots(self._rows[0])
        streams = [self._generation.streams[number] for number in self._rows]
        guessed = [self._guessed(number) for number in self._rows]
        inputs = [[stream.written[-1], *some] for stream, some in zip(streams, guessed, strict=True)]
        logits = step_logits(self._loaded.model, self._slots, inputs)
        firsts = list(accumulate(map(len, inputs[:-1]), initial=0))
        picked = self._pick(logits if len(logits) == len(firsts) else logits[firsts], streams)
        before = [len(stream.written) for stream in streams]
        is_open = [self._generation.is_open(number) for number in self._rows]
        for place, stream in enumerate(streams):
            if is_open[place]:
                self._push(stream, picked[place], guessed[place], logits[firsts[place] + 1 :])
        counts = [max(1, len(stream.written) - old) for stream, old in zip(streams, before, strict=True)]
        self._slots.advance(counts)
        self._count(time.perf_counter() - begun, counts, guessed)
        ended = [slot for slot, stream in enumerate(streams) if stream.finish or not is_open[slot]]
        for slot in ended:
            self._drafts.pop(self._rows[slot], None)
            if is_open[slot]:
                self._settle(self._rows[slot])
        self._leave(ended)

    def _guessed(self, number: int) -> list[int]:
        """Tokens that a text may go on with, as many as leave room for other texts'."""
        room = (self._guesses - len(self._rows)) // len(self._rows)
        stream = self._generation.streams[number]
        if room < 1 or not Drafts.are_for(stream):
            return []
        if number not in self._drafts:
            self._drafts[number] = Drafts(stream, self._siblings)
        return self._drafts[number].guess(room)

    def _push(self, stream: Stream, token: int, guessed: Sequence[int], logits: torch.Tensor) -> None:
        """Add a text's next token, and what follows it for as long as the guesses are what the model writes.

        `logits` (guesses, …, vocabulary) are those behind each guessed token.
        """
        for place, guess in enumerate(guessed):
            if stream.push(token) or token != guess:
                return
            token = self._pick(logits[place : place + 1], [stream])[0]
        stream.push(token)

    def _count(self, seconds: float, counts: Sequence[int], guessed: Sequence[Sequence[int]]) -> None:
        self._clock += seconds / len(counts)
        self._counters.steps += 1
        self._counters.step_seconds += seconds
        self._counters.tokens_written += sum(counts)
        for number, count, some in zip(self._rows, counts, guessed, strict=True):
            if some:
                self._drafts[number].judged(len(some), count - 1)
                self._counters.tokens_guessed += len(some)
                self._counters.guessed_right += count - 1

    def _leave(self, ended: Sequence[int]) -> None:
        """Put waiting texts into slots that have become free; where there are none, the last slots move there."""
        assert self._slots is not None
        # From the end, so that what moves into a hole has not ended itself.
        for slot in reversed(ended):
            if (ready := self._next_ready()) is not None:
                self._slots.put(slot, ready.own, ready.shared)
                self._rows[slot] = self._numbers[ready.number]
            else:
                self._slots.drop(slot)
                self._rows[slot] = self._rows[-1]
                self._rows.pop()

    def _settle(self, number: int) -> None:
        stream = self._generation.streams[number]
        stream.seconds += self._clock
        self._generation.settle(number)
