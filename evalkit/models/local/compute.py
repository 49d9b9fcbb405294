"""Answers everything that waits at a local model: renders and encodes it, scores it, generates it.

Runs on the device's worker thread. Every request is answered as soon as its last part is known, and fails alone.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence

import torch

from evalkit.core import Choose, Generate, ModelError, Perplexity, Reply, Request
from evalkit.models.batcher import Flight
from evalkit.models.local.counters import Counters
from evalkit.models.local.decode import Stepper, find_stepper
from evalkit.models.local.encode import Tokens
from evalkit.models.local.fast import Fast
from evalkit.models.local.forward import Forward
from evalkit.models.local.loading import Loaded
from evalkit.models.local.memory import Budget, work_off
from evalkit.models.local.plan import by_length
from evalkit.models.local.refill import WritingCounters
from evalkit.models.local.rendering import Rendered, Renderer
from evalkit.models.local.scoring import Scoring, choices, whole_texts
from evalkit.models.local.sharing import Caller
from evalkit.models.local.slotted import Slotted
from evalkit.models.local.writing import Writing, writings

__all__ = ["Engine"]

_CACHED_TOKENS = 4
"""Tokens that a generating batch may hold in its cache, as a multiple of the tokens of one forward pass."""
_SLOT_TOKENS = 32
"""The same for the texts of all slots, which are read by one token each at a time."""


class Engine:
    """What a loaded model can be asked. Not thread-safe: one worker thread uses it."""

    def __init__(self, loaded: Loaded, renderer: Renderer, budget: Budget) -> None:
        self._loaded = loaded
        self._renderer = renderer
        self._budget = budget
        self._cached_budget = Budget(budget.tokens * _CACHED_TOKENS)
        self._tokens = Tokens(loaded.tokenizer, max_length=loaded.max_length, start_id=loaded.start_id)
        with torch.inference_mode():
            self._forward = Forward(loaded)
        self.stats = Counters()
        self._fast = Fast(loaded, self._forward, self.stats)
        self.written = WritingCounters()
        self._slotted = Slotted(loaded, self._forward, self.written)
        self._slot_budget = Budget(budget.tokens * _SLOT_TOKENS)
        self._stepper: Stepper | None = None

    @property
    def facts(self) -> dict[str, str]:
        """How this model is computed here, as a trial on its first requests decided; empty before."""
        facts = {"scoring": self._fast.fact, "generation": self._slotted.fact}
        return {name: fact for name, fact in facts.items() if fact}

    @property
    def budget(self) -> int:
        """Tokens of one forward pass."""
        return self._budget.tokens

    def run(self, flight: Flight[Request, Reply]) -> None:
        """Answer every request of a flight."""
        begun = time.perf_counter()
        with torch.inference_mode():
            asked = self._render(flight)
            self._score(flight, asked)
            self.stats.total_seconds += time.perf_counter() - begun
            self._write(flight, [item for item in asked if isinstance(flight.jobs[item[0]], Generate)])

    def _render(self, flight: Flight[Request, Reply]) -> list[tuple[int, Rendered]]:
        """Every request that is still wanted, as (index, text that the model reads)."""
        rendered: list[tuple[int, Rendered]] = []
        for index, request in enumerate(flight.jobs):
            if not flight.wanted(index):
                continue
            if isinstance(request, Perplexity):
                rendered.append((index, Rendered(request.text)))
                continue
            if not isinstance(request, Choose | Generate):
                flight.deliver(index, ModelError(f"no local model computes {type(request).__name__}"))
                continue
            try:
                rendered.append((index, self._renderer.render(request.prompt)))
            except ModelError as error:
                flight.deliver(index, error)
        return rendered

    def _score(self, flight: Flight[Request, Reply], asked: Sequence[tuple[int, Rendered]]) -> None:
        offered = [
            (index, prompt, request) for index, prompt in asked if isinstance(request := flight.jobs[index], Choose)
        ]
        texts = [(index, prompt.text) for index, prompt in asked if isinstance(flight.jobs[index], Perplexity)]
        requests = [*choices(self._tokens, offered), *whole_texts(self._tokens, texts)]
        scoring = Scoring(flight, requests, self._forward, self.stats)
        caller = Caller(scoring.is_open, scoring.settle, scoring.fail, self._release)
        numbers = [number for number in range(len(scoring.rows)) if scoring.is_open(number)]
        rest = self._fast.score(scoring.rows, numbers, self._budget, caller)
        work_off(
            [scoring.rows[number].length for number in rest],
            self._budget,
            plan=self._plan,
            run=lambda batch: scoring.run(tuple(rest[place] for place in batch)),
            is_open=lambda place: scoring.is_open(rest[place]),
            fail=lambda place, error: scoring.fail(rest[place], error),
            release=self._release,
        )

    def _write(self, flight: Flight[Request, Reply], asked: Sequence[tuple[int, Rendered]]) -> None:
        if not asked:
            return
        prompts = [
            (index, prompt, request) for index, prompt in asked if isinstance(request := flight.jobs[index], Generate)
        ]
        writing = Writing(flight, writings(self._tokens, self._loaded.eos_ids, prompts))
        rest = self._slotted.write(writing, self._budget, self._slot_budget, self._release)
        if not rest:
            return
        if self._stepper is None:
            self._stepper = find_stepper(self._loaded, self._forward)
        stepper = self._stepper
        work_off(
            [writing.streams[number].length for number in rest],
            self._cached_budget,
            plan=self._plan,
            run=lambda batch: writing.run(stepper, tuple(rest[place] for place in batch)),
            is_open=lambda place: writing.is_open(rest[place]),
            fail=lambda place, error: writing.fail(rest[place], error),
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
