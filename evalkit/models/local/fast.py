"""How rows are scored: packed over shared prefixes where a trial on the first of them allows it, else plainly."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

import torch

from evalkit.models.local.counters import Counters
from evalkit.models.local.forward import Forward
from evalkit.models.local.loading import Loaded
from evalkit.models.local.memory import Budget
from evalkit.models.local.packed import Packed, longest_packed
from evalkit.models.local.plan import Row
from evalkit.models.local.sharing import Caller, score_shared

__all__ = ["Fast"]

_log = logging.getLogger(__name__)

_WORTH = {"cpu": 8}
_WORTH_ELSEWHERE = 64
"""How many tokens a shared prefix has to save; a call costs a GPU as much as many tokens."""
_SHARE = 4
"""Keys and values kept between passes take at most one part in so many of the memory that is free."""
_ROOM = 1 << 32
"""The most bytes for them where the device does not say what is free, and on a CPU, whose memory others use too."""


class Fast:
    """The fast path of one model. Call it under torch.inference_mode and from one thread."""

    def __init__(self, loaded: Loaded, forward: Forward, counters: Counters) -> None:
        self._loaded = loaded
        self._packed = Packed(loaded, forward, counters)
        self._longest = longest_packed(loaded)
        self._keep: Budget | None = None
        self.fact = ""
        """How rows are scored, in words; "" before the first were."""

    def score(self, rows: Sequence[Row], numbers: Sequence[int], budget: Budget, caller: Caller) -> list[int]:
        """Score what of `rows[number]`, for all `numbers`, can be scored fast; returns the others' numbers."""
        fits = [
            number
            for number in numbers
            if not rows[number].source and (not self._longest or len(rows[number].ids) <= self._longest)
        ]
        if not fits or not self._is_usable([rows[number] for number in fits]):
            return list(numbers)
        assert self._keep is not None
        worth = _WORTH.get(self._loaded.device.partition(":")[0], _WORTH_ELSEWHERE)
        rest = score_shared(self._packed, rows, fits, budget, self._keep, worth, caller)
        packed = set(fits)
        return sorted([*rest, *(number for number in numbers if number not in packed)])

    def _is_usable(self, rows: Sequence[Row]) -> bool:
        if not self.fact:
            name = type(self._loaded.model).__name__
            if wrong := self._packed.check(rows):
                self.fact = f"plain: {wrong}"
                _log.warning("%s computes every prompt from its beginning, which is slow: %s", name, wrong)
            else:
                self.fact = "packed"
                _log.info("%s computes what prompts share once", name)
                self._keep = Budget(max(1, _room(self._loaded.device) // max(1, self._packed.bytes_per_token)))
        return self._keep is not None


def _room(device: str) -> int:
    """Bytes that keys and values may take."""
    if device.startswith("cuda"):
        free, _ = torch.cuda.mem_get_info(device)
        return int(free) // _SHARE
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return _ROOM
    return min(int(free) // _SHARE, _ROOM)
