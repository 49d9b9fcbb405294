"""How rows are scored: what they share once where a trial on the first of them allows it, else plainly."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from evalkit.models.hf.counters import Counters
from evalkit.models.hf.forward.padded_pass import Forward
from evalkit.models.hf.loading.edges import Reach, longest_packed
from evalkit.models.hf.loading.loaded_model import Loaded
from evalkit.models.hf.scoring.encoder_decoder import EncoderDecoderStrategy, score_sourced
from evalkit.models.hf.scoring.packed import Packed
from evalkit.models.hf.scoring.plan import TokenRow
from evalkit.models.hf.scoring.prefix_sharing import Caller, score_shared
from evalkit.models.oom_backoff import TokenBudget, kv_cache_bytes

__all__ = ["ScoringStrategy"]

_log = logging.getLogger(__name__)

_WORTH = {"cpu": 8}
_WORTH_ELSEWHERE = 64
"""How many tokens a shared prefix has to save; a call costs a GPU as much as many tokens."""
_ONCE = "sources encoded once"


class ScoringStrategy:
    """The fast path of one model. Call it under torch.inference_mode and from one thread."""

    def __init__(self, loaded: Loaded, forward: Forward, counters: Counters) -> None:
        self._loaded = loaded
        self._packed = Packed(loaded, forward, counters)
        self._sourced = EncoderDecoderStrategy(loaded, forward, counters)
        self._longest = longest_packed(loaded)
        self._reach = Reach(loaded)
        self._keep: TokenBudget | None = None
        self.fact = ""
        """How rows are scored, in words; "" before the first were."""

    def score(self, rows: Sequence[TokenRow], numbers: Sequence[int], budget: TokenBudget, caller: Caller) -> list[int]:
        """Score what of `rows[number]`, for all `numbers`, can be scored fast; returns the others' numbers."""
        if self._loaded.alone:
            if not self.fact:
                self._decide("", self._loaded.alone)
            return list(numbers)
        if self._loaded.is_encoder_decoder:
            if not numbers or not self._encodes_once([rows[number] for number in numbers]):
                return list(numbers)
            score_sourced(self._sourced, rows, numbers, budget, caller)
            return []
        fits = [number for number in numbers if not self._longest or len(rows[number].ids) <= self._longest]
        if not fits or not self._is_usable([rows[number] for number in fits]):
            return list(numbers)
        fits = self._reach.within(
            fits,
            lambda number: len(rows[number].ids),
            lambda window, beyond: self._beyond(window, [rows[number] for number in beyond]),
        )
        assert self._keep is not None
        worth = _WORTH.get(self._loaded.device.partition(":")[0], _WORTH_ELSEWHERE)
        rest = score_shared(self._packed, rows, fits, budget, self._keep, worth, caller)
        packed = set(fits)
        return sorted([*rest, *(number for number in numbers if number not in packed)])

    def _is_usable(self, rows: Sequence[TokenRow]) -> bool:
        """Whether packed passes can be used, tried on the first rows."""
        if not self.fact:
            wrong = self._packed.check(rows)
            self._decide("packed", wrong)
            if not wrong:
                self._reach.crossed(self._packed.covered)
                self._keep = TokenBudget(
                    max(1, kv_cache_bytes(self._loaded.device) // max(1, self._packed.bytes_per_token))
                )
        return self._keep is not None

    def _beyond(self, window: int, rows: Sequence[TokenRow]) -> str:
        """What is wrong with packed passes over rows longer than a window, "" where nothing is."""
        if wrong := self._packed.check_beyond(window, rows):
            self.fact = f"packed up to {window} tokens: {wrong}"
            name = type(self._loaded.model).__name__
            _log.warning("%s computes prompts of over %d tokens from their beginning: %s", name, window, wrong)
        return wrong

    def _encodes_once(self, rows: Sequence[TokenRow]) -> bool:
        """Whether a source can be encoded apart from what is scored after it, tried on the first rows."""
        if not self.fact:
            self._decide(_ONCE, self._sourced.check(rows))
        return self.fact == _ONCE

    def _decide(self, fact: str, wrong: str) -> None:
        name = type(self._loaded.model).__name__
        if wrong:
            self.fact = f"plain: {wrong}"
            _log.warning("%s computes every prompt from its beginning, which is slow: %s", name, wrong)
        else:
            self.fact = fact
            _log.info("%s computes what prompts share once (%s)", name, fact)
