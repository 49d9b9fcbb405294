"""Answers everything that waits at a local model: renders and encodes it, scores it, generates it.

Runs on the device's worker thread. Every request is answered as soon as its last part is known, and fails alone.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch

from evalkit.core import Choose, Generate, ModelError, Perplexity, Reply, Request, Usage, digest_of
from evalkit.models.batcher import Flight
from evalkit.models.local.decode import Stepper, decode, find_stepper
from evalkit.models.local.encode import Encoded, Tokens, continuations, prompt_ids, rolling_rows
from evalkit.models.local.forward import Forward
from evalkit.models.local.loading import Loaded
from evalkit.models.local.memory import Budget, work_off
from evalkit.models.local.plan import by_length, merge
from evalkit.models.local.rendering import Rendered, Renderer
from evalkit.models.local.score import RowScore, score
from evalkit.models.local.stream import Stream, sampling_seed

__all__ = ["Engine"]

_CACHED_TOKENS = 4
"""Tokens that a generating batch may hold in its cache, as a multiple of the tokens of one forward pass."""


@dataclass(slots=True)
class _Scoring:
    """A request to be scored: its parts, and what is known of its reply before that."""

    index: int
    parts: list[Encoded]
    reply: Reply
    results: dict[int, tuple[float, bool]] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(slots=True)
class _Writing:
    """A request to be generated: its distinct texts, and what is known of its reply before that."""

    index: int
    streams: list[Stream]
    reply: Reply
    copies: int = 1


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
        self._stepper: Stepper | None = None

    @property
    def budget(self) -> int:
        """Tokens of one forward pass."""
        return self._budget.tokens

    def run(self, flight: Flight[Request, Reply]) -> None:
        """Answer every request of a flight."""
        with torch.inference_mode():
            rendered = self._render(flight)
            scorings = [
                *self._choices(flight, rendered),
                *self._texts(flight),
            ]
            self._score(flight, scorings)
            self._write(flight, self._writings(flight, rendered))

    def _render(self, flight: Flight[Request, Reply]) -> dict[int, Rendered]:
        rendered: dict[int, Rendered] = {}
        for index, request in enumerate(flight.jobs):
            if isinstance(request, Perplexity) or not flight.wanted(index):
                continue
            try:
                rendered[index] = self._renderer.render(request.prompt)
            except ModelError as error:
                flight.deliver(index, error)
        return rendered

    # ------------------------------------------------------------ scoring

    def _choices(self, flight: Flight[Request, Reply], rendered: dict[int, Rendered]) -> list[_Scoring]:
        asked: list[tuple[int, str, list[str]]] = []
        for index, prompt in rendered.items():
            request = flight.jobs[index]
            if isinstance(request, Choose):
                delimiter = "" if prompt.templated else request.delimiter
                asked.append((index, prompt.text, [delimiter + ending for ending in request.continuations]))
        scorings: list[_Scoring] = []
        encoded = continuations(self._tokens, [(text, endings) for _, text, endings in asked])
        for (index, text, _), parts in zip(asked, encoded, strict=True):
            if isinstance(parts, Exception):
                flight.deliver(index, parts)
                continue
            notes = dict.fromkeys((*rendered[index].notes, *(note for part in parts for note in part.notes)))
            reply = Reply(
                usage=Usage(prompt_tokens=_read_tokens(parts)),
                truncated_tokens=max((part.truncated for part in parts), default=0),
                notes=tuple(notes),
                rendered_digest=digest_of(text),
            )
            scorings.append(_Scoring(index, parts, reply))
        return scorings

    def _texts(self, flight: Flight[Request, Reply]) -> list[_Scoring]:
        asked = [(index, job.text) for index, job in enumerate(flight.jobs) if isinstance(job, Perplexity)]
        keys = [(text, not self._tokens.has_prefix(text)) for _, text in asked]
        known = self._tokens.ids(keys)
        scorings: list[_Scoring] = []
        for (index, text), key in zip(asked, keys, strict=True):
            ids = known[key]
            try:
                if isinstance(ids, Exception):
                    raise ids
                rows = rolling_rows(ids, self._tokens.prefix_id, self._loaded.max_length) if ids else []
            except ModelError as error:
                flight.deliver(index, error)
                continue
            reply = Reply(usage=Usage(prompt_tokens=len(ids)), rendered_digest=digest_of(text))
            scorings.append(_Scoring(index, [Encoded(row) for row in rows], reply))
        return scorings

    def _score(self, flight: Flight[Request, Reply], scorings: Sequence[_Scoring]) -> None:
        wanted = [(scoring, part) for scoring in scorings for part in range(len(scoring.parts))]
        rows, places = merge([scoring.parts[part].row for scoring, part in wanted])
        users: list[list[tuple[_Scoring, int, int]]] = [[] for _ in rows]
        for (scoring, part), (number, start) in zip(wanted, places, strict=True):
            users[number].append((scoring, part, start))
        failed: set[int] = set()

        def settle(number: int, result: RowScore, seconds: float) -> None:
            for scoring, part, start in users[number]:
                stop = start + len(scoring.parts[part].row.targets)
                scoring.results[part] = result.over(start, stop)
                scoring.seconds += seconds / len(users[number])
                if len(scoring.results) == len(scoring.parts):
                    flight.deliver(scoring.index, _scored(scoring, flight.jobs[scoring.index]))

        def run(batch: tuple[int, ...]) -> None:
            begun = time.perf_counter()
            results = score(self._forward, [rows[number] for number in batch])
            share = (time.perf_counter() - begun) / len(batch)
            for number, result in zip(batch, results, strict=True):
                settle(number, result, share)
                users[number] = []

        def fail(number: int, error: Exception) -> None:
            for scoring, _, _ in users[number]:
                failed.add(scoring.index)
                flight.deliver(scoring.index, error)
            users[number] = []

        def is_open(number: int) -> bool:
            return any(scoring.index not in failed and flight.wanted(scoring.index) for scoring, _, _ in users[number])

        for scoring in scorings:
            if not scoring.parts:
                flight.deliver(scoring.index, _scored(scoring, flight.jobs[scoring.index]))
        for number, row in enumerate(rows):
            if not row.targets:
                settle(number, RowScore((), ()), 0.0)
                users[number] = []
        work_off(
            [row.length for row in rows],
            self._budget,
            plan=self._plan,
            run=run,
            is_open=is_open,
            fail=fail,
            release=self._release,
        )

    def _plan(self, lengths: Sequence[int], budget: int) -> list[tuple[int, ...]]:
        return by_length(lengths, budget, alone=self._forward.way.alone, border=self._loaded.border)

    # ------------------------------------------------------------ generation

    def _writings(self, flight: Flight[Request, Reply], rendered: dict[int, Rendered]) -> list[_Writing]:
        asked = [(index, prompt) for index, prompt in rendered.items() if isinstance(flight.jobs[index], Generate)]
        keys = [(prompt.text, not self._tokens.has_prefix(prompt.text)) for _, prompt in asked]
        known = self._tokens.ids(keys)
        writings: list[_Writing] = []
        for (index, prompt), key in zip(asked, keys, strict=True):
            request, ids = flight.jobs[index], known[key]
            assert isinstance(request, Generate)
            try:
                if isinstance(ids, Exception):
                    raise ids
                writings.append(self._writing(index, request, prompt, ids))
            except ModelError as error:
                flight.deliver(index, error)
        return writings

    def _writing(self, index: int, request: Generate, prompt: Rendered, ids: tuple[int, ...]) -> _Writing:
        if request.max_tokens < 1 or request.n < 1:
            raise ModelError(f"nothing to generate: max_tokens={request.max_tokens}, n={request.n}")
        if not (request.temperature >= 0 and 0 < request.top_p <= 1):
            raise ModelError(f"no such sampling: temperature={request.temperature}, top_p={request.top_p}")
        kept, limit, truncated, notes = prompt_ids(self._tokens, ids, request.max_tokens)
        # Greedy texts of one prompt are equal, so one is written.
        distinct = request.n if request.temperature > 0 else 1
        streams = [
            Stream(
                ids=kept,
                limit=limit,
                stops=request.stop,
                eos_ids=self._loaded.eos_ids,
                tokenizer=self._loaded.tokenizer,
                temperature=request.temperature,
                top_p=request.top_p,
                seed=sampling_seed(request, number),
            )
            for number in range(distinct)
        ]
        reply = Reply(
            usage=Usage(prompt_tokens=len(kept)),
            truncated_tokens=truncated,
            notes=(*prompt.notes, *notes),
            rendered_digest=digest_of(prompt.text),
        )
        return _Writing(index, streams, reply, request.n // distinct)

    def _write(self, flight: Flight[Request, Reply], writings: Sequence[_Writing]) -> None:
        if not writings:
            return
        if self._stepper is None:
            self._stepper = find_stepper(self._loaded, self._forward)
        stepper = self._stepper
        pairs = [(writing, stream) for writing in writings for stream in writing.streams]
        owners = {id(stream): writing for writing, stream in pairs}
        failed: set[int] = set()

        def is_wanted(stream: Stream) -> bool:
            index = owners[id(stream)].index
            return index not in failed and flight.wanted(index)

        def run(batch: tuple[int, ...]) -> None:
            begun, living = time.perf_counter(), len(batch)
            for stream in decode(stepper, [pairs[number][1] for number in batch], is_wanted):
                stream.seconds = (time.perf_counter() - begun) / living
                writing = owners[id(stream)]
                if all(other.finish for other in writing.streams):
                    flight.deliver(writing.index, _written(writing))

        def fail(number: int, error: Exception) -> None:
            failed.add(pairs[number][0].index)
            flight.deliver(pairs[number][0].index, error)

        work_off(
            [stream.length for _, stream in pairs],
            self._cached_budget,
            plan=self._plan,
            run=run,
            is_open=lambda number: not pairs[number][1].finish and is_wanted(pairs[number][1]),
            fail=fail,
            release=self._release,
        )

    def _release(self) -> None:
        """Give memory back to the device after a pass that had too little."""
        gc.collect()
        if self._loaded.device.startswith("cuda"):
            torch.cuda.empty_cache()


def _read_tokens(parts: Sequence[Encoded]) -> int:
    """Tokens of a context and of all its continuations, the shared context counted once."""
    shared = min((len(part.row.ids) - len(part.row.targets) + 1 for part in parts), default=0)
    source = max((len(part.row.source) for part in parts), default=0)
    return source + max(0, shared) + sum(len(part.row.targets) for part in parts)


def _scored(scoring: _Scoring, request: Request) -> Reply:
    results = [scoring.results[part] for part in range(len(scoring.parts))]
    if isinstance(request, Perplexity):
        return replace(scoring.reply, loglikelihoods=(sum(value for value, _ in results),), seconds=scoring.seconds)
    return replace(
        scoring.reply,
        loglikelihoods=tuple(value for value, _ in results),
        greedy=tuple(greedy for _, greedy in results),
        seconds=scoring.seconds,
    )


def _written(writing: _Writing) -> Reply:
    texts, finish = [], []
    for stream in writing.streams:
        text, end = stream.result()
        texts.append(text)
        finish.append(end)
    usage = Usage(writing.reply.usage.prompt_tokens, sum(len(stream.written) for stream in writing.streams))
    return replace(
        writing.reply,
        texts=tuple(texts) * writing.copies,
        finish=tuple(finish) * writing.copies,
        usage=usage,
        seconds=sum(stream.seconds for stream in writing.streams),
    )
