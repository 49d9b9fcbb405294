"""How texts are written: over slots where a trial on the first prompts allows it, else in the plain stepper's batches.

transformers has continuous batching of its own (`generate_batch`). It knows no stop strings, and on a CPU it took three
to six times as long as `generate`, so it is not used there; nor on a GPU, where nobody has compared their texts yet.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from evalkit.models.hf.forward.padded_pass import Forward
from evalkit.models.hf.generation.continuous_batching import ContinuousBatching, GenerationCounters, SlotLimits
from evalkit.models.hf.generation.requests import Generation
from evalkit.models.hf.generation.self_check import judge, judge_beyond
from evalkit.models.hf.loading.edges import Reach, longest_packed
from evalkit.models.hf.loading.footprint import weight_bytes
from evalkit.models.hf.loading.loaded_model import Loaded
from evalkit.models.oom_backoff import TokenBudget, is_out_of_memory, kv_cache_bytes, too_large

__all__ = ["GenerationStrategy"]

_log = logging.getLogger(__name__)

_SLOTS = {"cpu": 64}
_SLOTS_ELSEWHERE = 256
"""The most texts at a time: more hardly make a step's matrix products faster."""
_WORTH = {"cpu": 8}
_WORTH_ELSEWHERE = 64
"""How many tokens a shared prefix has to save; a call costs a GPU as much as many tokens."""
_READERS = 4
"""From so many texts on, reading what they share once a step is faster than reading a copy in each slot."""
_GUESSES = {"cpu": 64}
"""A step of so many tokens takes a processor little longer than one of half as many. Elsewhere none were tried."""
_ALIKE = 4
"""Every slot is as wide as the longest text needs: texts so many times shorter have a round of their own."""
_OF_WEIGHTS, _LEAST = 1.5, 1 << 29
"""On a processor, slots take so many times the weights' bytes at most, or this many bytes: a step reads both, so more
texts at a time hardly make it cheaper for each."""
_SMALLEST = 64
"""A prompt that memory is too small for in passes of so few tokens is too large by itself."""


class GenerationStrategy:
    """The slots of one model. Call it under torch.inference_mode and from one thread."""

    def __init__(self, loaded: Loaded, forward: Forward, counters: GenerationCounters) -> None:
        self._loaded = loaded
        self._forward = forward
        self._counters = counters
        self._longest = longest_packed(loaded)
        self._reach = Reach(loaded)
        self._room = 0
        """Tokens whose keys and values the device's free memory has kv_cache_bytes for."""
        self.fact = ""
        """How texts are written, in words; "" before the first were."""

    def write(
        self, generation: Generation, passes: TokenBudget, slots: TokenBudget, release: Callable[[], None]
    ) -> list[int]:
        """Write what of the open streams can be written over slots; returns the numbers of the others.

        `passes` are the tokens of one pass over prompts, `slots` those that all slots hold; out of memory they are
        halved, `release` is called, and what is open is begun again.
        """
        numbers = [number for number in range(len(generation.streams)) if generation.is_open(number)]
        fits = [number for number in numbers if not self._longest or generation.streams[number].length <= self._longest]
        if not fits or not self._is_usable([generation.streams[number].ids for number in fits]):
            return numbers
        fits = self._reach.within(
            fits,
            lambda number: generation.streams[number].length,
            lambda window, beyond: self._beyond(window, [generation.streams[number].ids for number in beyond]),
        )
        chosen = set(fits)
        rest = [number for number in numbers if number not in chosen]
        limits = self._limits(passes.tokens, slots)
        lengths = [(generation.streams[number].length, number) for number in fits]
        for some in _rounds(lengths, limits.slot_tokens // limits.slots):
            rest += self._round(generation, some, passes, slots, release)
        return sorted(rest)

    def _is_usable(self, prompts: Sequence[tuple[int, ...]]) -> bool:
        if not self.fact:
            name = type(self._loaded.model).__name__
            verdict = judge(self._loaded, self._forward, prompts, self._longest)
            self.fact = f"batches: {verdict.wrong}" if verdict.wrong else "slots"
            if verdict.wrong:
                _log.info("%s writes in batches that end with their last text: %s", name, verdict.wrong)
            else:
                self._room = self._bytes() // max(1, verdict.token_bytes)
                _log.info("%s writes over slots, and computes what prompts share once", name)
                self._reach.crossed(verdict.covered)
        return self.fact.startswith("slots")

    def _bytes(self) -> int:
        """How much memory the keys and values of texts may take."""
        free = kv_cache_bytes(self._loaded.device)
        if not self._loaded.device.startswith("cpu"):
            return free
        return min(free, max(_LEAST, int(_OF_WEIGHTS * weight_bytes(self._loaded.model))))

    def _beyond(self, window: int, prompts: Sequence[tuple[int, ...]]) -> str:
        """What is wrong with texts over slots that go past a window, "" where nothing is."""
        if wrong := judge_beyond(self._loaded, self._forward, prompts, window):
            self.fact = f"slots up to {window} tokens: {wrong}"
            name = type(self._loaded.model).__name__
            _log.warning("%s writes texts of over %d tokens in batches: %s", name, window, wrong)
        return wrong

    def _round(
        self,
        generation: Generation,
        numbers: Sequence[int],
        passes: TokenBudget,
        slots: TokenBudget,
        release: Callable[[], None],
    ) -> list[int]:
        """Write streams of similar length; returns those that are to be written another way."""
        todo = list(numbers)
        tokens = passes.tokens
        while todo := [number for number in todo if generation.is_open(number)]:
            batching = ContinuousBatching(
                self._loaded, self._forward, generation, todo, self._limits(tokens, slots), self._counters
            )
            try:
                batching.run()
                return []
            except Exception as caught:  # noqa: BLE001 (a model's code may raise anything; it fails its own request)
                error = caught.with_traceback(None)
            underway = batching.underway
            del batching
            # Here, where nothing holds on to the tensors of what failed.
            release()
            if not is_out_of_memory(error):
                _log.warning(
                    "writing over slots failed (%s: %s); the rest is written in batches", type(error).__name__, error
                )
                return [number for number in todo if generation.is_open(number)]
            if underway.alone and (not underway.in_pass or underway.tokens <= _SMALLEST):
                for number in underway.alone:
                    generation.fail(number, too_large(error, generation.streams[number].length))
            elif underway.in_pass:
                tokens = max(1, min(tokens, underway.tokens) // 2)
                if not underway.alone:
                    passes.halve(underway.tokens)
            else:
                slots.halve(underway.tokens)
        return []

    def _limits(self, tokens: int, slots: TokenBudget) -> SlotLimits:
        device = self._loaded.device.partition(":")[0]
        return SlotLimits(
            pass_tokens=tokens,
            slot_tokens=min(slots.tokens, self._room),
            slots=_SLOTS.get(device, _SLOTS_ELSEWHERE),
            worth=_WORTH.get(device, _WORTH_ELSEWHERE),
            readers=_READERS,
            guesses=_GUESSES.get(device, 0),
        )


def _rounds(streams: Sequence[tuple[int, int]], fair: int) -> list[list[int]]:
    """The numbers of (length, number) pairs, the longest first; those much shorter than texts beyond `fair` apart."""
    rounds: list[list[int]] = []
    longest = 0
    for length, number in sorted(streams, key=lambda pair: (-pair[0], pair[1])):
        if not rounds or (longest > fair and length * _ALIKE <= longest):
            rounds.append([])
            longest = length
        rounds[-1].append(number)
    return rounds
