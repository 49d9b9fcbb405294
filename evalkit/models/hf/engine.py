"""Answers everything that waits at a local model: scores it, generates it.

Runs on the device's worker thread. Every request is answered as soon as its last part is known, and fails alone.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from functools import partial

import torch

from evalkit.core import Reply, Request
from evalkit.models.batcher import Batch
from evalkit.models.hf.counters import Counters
from evalkit.models.hf.forward.padded_pass import Forward
from evalkit.models.hf.generation import requests as generation
from evalkit.models.hf.generation.continuous_batching import GenerationCounters
from evalkit.models.hf.generation.decode import Stepper, find_stepper
from evalkit.models.hf.generation.strategy import GenerationStrategy
from evalkit.models.hf.loading.loaded_model import Loaded
from evalkit.models.hf.request_preparer import RequestPreparer
from evalkit.models.hf.scoring import requests as scoring
from evalkit.models.hf.scoring.plan import by_length
from evalkit.models.hf.scoring.prefix_sharing import Caller
from evalkit.models.hf.scoring.score import score
from evalkit.models.hf.scoring.strategy import ScoringStrategy
from evalkit.models.hf.text.encode import Tokens
from evalkit.models.hf.text.rendering import ChatRenderer
from evalkit.models.oom_backoff import TokenBudget, run_with_oom_backoff
from evalkit.models.replies.local_text import TextReader

__all__ = ["Engine"]

_CACHED_TOKENS = 4
"""Tokens that a generating batch may hold in its cache, as a multiple of the tokens of one forward pass."""
_SLOT_TOKENS = 32
"""The same for the texts of all slots, which are read by one token each at a time."""


class Engine:
    """What a loaded model can be asked. Not thread-safe, `prepare` apart: one worker thread uses it."""

    def __init__(self, loaded: Loaded, renderer: ChatRenderer, reader: TextReader, budget: TokenBudget) -> None:
        self._loaded = loaded
        self._budget = budget
        self._cached_budget = TokenBudget(budget.tokens * _CACHED_TOKENS)
        tokens = Tokens(loaded.tokenizer, max_length=loaded.max_length, start_id=loaded.start_id)
        self.prepare = RequestPreparer(renderer, tokens, reader, loaded.eos_ids)
        """Renders and tokenises requests that wait, from any thread; a batch does the rest itself."""
        loaded.switch()
        with torch.inference_mode():
            self._forward = Forward(loaded)
        self.stats = Counters()
        self._fast = ScoringStrategy(loaded, self._forward, self.stats)
        self.written = GenerationCounters()
        self._slotted = GenerationStrategy(loaded, self._forward, self.written)
        self._slot_budget = TokenBudget(budget.tokens * _SLOT_TOKENS)
        self._stepper: Stepper | None = None
        self._underway: generation.Generation | None = None
        self._written = 0

    @property
    def tokens_written(self) -> int:
        """Tokens of all texts since the model was loaded, also of those that are being written."""
        work = self._underway
        return self._written + (work.tokens if work is not None else 0)

    @property
    def facts(self) -> dict[str, str]:
        """How this model is computed here, as a trial on its first requests decided; empty before."""
        facts = {"scoring": self._fast.fact, "generation": self._slotted.fact, **self.prepare.facts}
        if any(facts.values()):
            facts["matrices"] = self._loaded.products
            facts["quantization"] = self._loaded.quantization
            facts["placement"] = self._loaded.placement
        return {name: fact for name, fact in facts.items() if fact}

    @property
    def budget(self) -> int:
        """Tokens of one forward pass."""
        return self._budget.tokens

    @property
    def prepares(self) -> bool:
        """Whether preparing what waits gains time: next to a device, not on the processor that computes anyway."""
        return not self._loaded.device.startswith("cpu")

    def run(self, batch: Batch[Request, Reply]) -> None:
        """Answer every request of a batch."""
        begun = time.perf_counter()
        self._loaded.switch()
        with torch.inference_mode():
            asked = self.prepare.all_of(batch)
            self._score(batch, [item for item in asked if isinstance(item, scoring.PreparedScoring)])
            self.stats.total_seconds += time.perf_counter() - begun
            self._write(batch, [item for item in asked if isinstance(item, generation.PreparedGeneration)])

    def _score(self, batch: Batch[Request, Reply], requests: Sequence[scoring.PreparedScoring]) -> None:
        work = scoring.Scoring(batch, requests, partial(score, self._forward), self.stats)
        caller = Caller(work.is_open, work.settle, work.fail, self._release)
        numbers = [number for number in range(len(work.rows)) if work.is_open(number)]
        rest = self._fast.score(work.rows, numbers, self._budget, caller)
        run_with_oom_backoff(
            [work.rows[number].length for number in rest],
            self._budget,
            plan=self._plan,
            run=lambda places: work.run(tuple(rest[place] for place in places)),
            is_open=lambda place: work.is_open(rest[place]),
            fail=lambda place, error: work.fail(rest[place], error),
            release=self._release,
        )

    def _write(self, batch: Batch[Request, Reply], requests: Sequence[generation.PreparedGeneration]) -> None:
        if not requests:
            return
        work = self._underway = generation.Generation(batch, requests)
        try:
            self._write_all(work)
        finally:
            self._underway, self._written = None, self._written + work.tokens

    def _write_all(self, work: generation.Generation) -> None:
        rest = self._slotted.write(work, self._budget, self._slot_budget, self._release)
        if not rest:
            return
        if self._stepper is None:
            self._stepper = find_stepper(self._loaded, self._forward)
        stepper = self._stepper
        run_with_oom_backoff(
            [work.streams[number].length for number in rest],
            self._cached_budget,
            plan=self._plan,
            run=lambda places: work.run(stepper, tuple(rest[place] for place in places)),
            is_open=lambda place: work.is_open(rest[place]),
            fail=lambda place, error: work.fail(rest[place], error),
            release=self._release,
        )
        stepper.release()

    def _plan(self, lengths: Sequence[int], budget: int) -> list[tuple[int, ...]]:
        return by_length(lengths, budget, alone=self._forward.way.alone, border=self._loaded.border)

    def _release(self) -> None:
        """Give memory back to the device after a pass that had too little."""
        if self._stepper is not None:
            self._stepper.release()
        gc.collect()
        if self._loaded.device.startswith("cuda"):
            torch.cuda.empty_cache()
