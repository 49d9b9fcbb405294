"""Answers what is handed over by a model that vLLM runs here. Everything happens in the engine's event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from array import array
from collections.abc import Coroutine, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from evalkit.core import Generate, ModelError, Reply, Request
from evalkit.models.batcher import Batch
from evalkit.models.hf.counters import Counters
from evalkit.models.hf.generation import requests as generation
from evalkit.models.hf.generation.stream import Stream
from evalkit.models.hf.loading.adapters import Adapter
from evalkit.models.hf.loading.checkpoint import Checkpoint
from evalkit.models.hf.request_preparer import RequestPreparer
from evalkit.models.hf.scoring import requests as scoring
from evalkit.models.hf.scoring.plan import RowScore, TokenRow
from evalkit.models.hf.text.encode import Tokens
from evalkit.models.hf.text.rendering import ChatRenderer
from evalkit.models.replies.local_text import text_reader
from evalkit.models.tokenizers import load_tokenizer
from evalkit.models.vllm.files import eos_ids
from evalkit.models.vllm.likelihoods import Likelihoods, Way
from evalkit.models.vllm.options import VllmOptions
from evalkit.models.vllm.process import VllmProcess
from evalkit.models.vllm.texts import schema_of, text_params

__all__ = ["Engine"]

_log = logging.getLogger(__name__)

_TOLERANCE = 0.1
"""Log-probabilities of a trial may differ by this much (16 bits round to some 0.01); memory that nobody wrote is off by
far more."""
_SHARED = "shared beginnings from vLLM's prefix cache"
_PLAIN = "every prompt from its beginning"
_BY_TOKEN = ", a request a token under the adapter"


class Engine:
    """A loaded model. `take` may be called from any thread."""

    def __init__(self, checkpoint: Checkpoint, options: VllmOptions, adapter: Adapter | None) -> None:
        """Raises UsageError where the model can't be loaded."""
        tokenizer = load_tokenizer(checkpoint, code=options.trust_remote_code)
        self._process = VllmProcess(checkpoint, options, adapter)
        try:
            self._process.start()
        except BaseException:
            self._process.close()
            raise
        renderer = ChatRenderer(tokenizer, options.chat, options.system)
        tokens = Tokens(tokenizer, max_length=self.max_length)
        self._prepare = RequestPreparer(
            renderer, tokens, text_reader(tokenizer, options), eos_ids(checkpoint, tokenizer)
        )
        way = Way(options.likelihoods == "cached", self._process.block, inside=self._process.has_prompt_logprobs)
        self._likelihoods = Likelihoods(self._process.ask, way)
        self._counters = Counters()
        self._tasks: set[asyncio.Task[None]] = set()
        self._scoring = (_SHARED if way.cached else _PLAIN) + (_BY_TOKEN if not way.inside else "")
        if self._likelihoods.way.cached:
            self._try_cache(len(tokenizer))

    @property
    def max_length(self) -> int:
        """The longest input in tokens: a request always writes one more."""
        return self._process.max_model_len - 1

    @property
    def dead(self) -> str:
        """Why the engine has ended; "" while it lives."""
        return self._process.dead

    @property
    def facts(self) -> dict[str, str]:
        """How the model is computed here, and how much came from the cache."""
        process = self._process
        hits = {}
        if process.prompt_tokens:
            share = process.cached_tokens / process.prompt_tokens
            hits = {"prefix cache": f"{share:.1%} of {process.prompt_tokens} prompt tokens"}
        return {"scoring": self._scoring, **hits, **self._prepare.facts}

    def _try_cache(self, vocabulary: int) -> None:
        """Score a row without the cache and with it, and leave the cache alone where it is not the same."""
        block = self._likelihoods.way.block
        count = min(2 * block + 9, self.max_length)
        ids = tuple(1 + (7 * number * number + 3) % (vocabulary - 1) for number in range(1, count + 1))
        row = TokenRow(ids[:-1], tuple(range(count - 4, count - 1)), ids[-3:])
        plain = Likelihoods(self._process.ask, replace(self._likelihoods.way, cached=False))

        async def both() -> tuple[RowScore, RowScore]:
            return await plain.score(row), await self._likelihoods.score(row)

        apart, shared = asyncio.run_coroutine_threadsafe(both(), self._process.loop).result()
        self._process.prompt_tokens = self._process.cached_tokens = 0
        worst = max(abs(one - other) for one, other in zip(apart.logprobs, shared.logprobs, strict=True))
        if not worst <= _TOLERANCE:
            self._likelihoods.way.cached = False
            self._scoring = f"{_PLAIN}: from the cache, log-probabilities differ by {worst:.2g}"
            _log.warning("every prompt is computed from its beginning, which is slow: cached, it is off by %.2g", worst)

    def take(self, batch: Batch[Request, Reply]) -> None:
        """Begin to answer every request of a batch."""
        self._process.loop.call_soon_threadsafe(self._begin, batch)

    def _begin(self, batch: Batch[Request, Reply]) -> None:
        try:
            asked = self._prepare.all_of(batch)
            self._score(batch, [item for item in asked if isinstance(item, scoring.PreparedScoring)])
            self._write(batch, [item for item in asked if isinstance(item, generation.PreparedGeneration)])
        except Exception as error:  # noqa: BLE001 - whoever waits is told, whatever it is
            for index in range(len(batch.jobs)):
                batch.deliver(index, error)

    def _score(self, batch: Batch[Request, Reply], requests: Sequence[scoring.PreparedScoring]) -> None:
        work = scoring.Scoring(batch, requests, _no_rows, self._counters)
        numbers = [number for number in range(len(work.rows)) if work.is_open(number)]
        # Rows that begin alike are neighbours, so that the beginning is still in the cache.
        for number in sorted(numbers, key=lambda number: array("I", work.rows[number].ids).tobytes()):
            self._spawn(self._row(work, number))

    async def _row(self, work: scoring.Scoring, number: int) -> None:
        if not work.is_open(number):
            return
        begun = time.perf_counter()
        try:
            result = await self._likelihoods.score(work.rows[number])
        except Exception as error:  # noqa: BLE001 - fails the requests that need this row alone
            work.fail(number, error)
        else:
            work.settle(number, result, self._share_since(begun))

    def _write(self, batch: Batch[Request, Reply], requests: Sequence[generation.PreparedGeneration]) -> None:
        work = generation.Generation(batch, requests)
        owners = [request.index for request in requests for _ in request.streams]
        for number, index in enumerate(owners):
            job = batch.jobs[index]
            assert isinstance(job, Generate)
            self._spawn(self._text(work, number, job))

    async def _text(self, work: generation.Generation, number: int, asked: Generate) -> None:
        if not work.is_open(number):
            return
        stream = work.streams[number]
        begun = time.perf_counter()
        try:
            await self._follow(stream, asked)
        except Exception as error:  # noqa: BLE001 - fails this request alone
            work.fail(number, error)
        else:
            stream.seconds = self._share_since(begun)
            work.settle(number)

    async def _follow(self, stream: Stream, asked: Generate) -> None:
        """Push what vLLM writes until evalkit's stream has ended. Where a budget of thought is spent, vLLM goes on
        behind the mark that closes the thought, with what it has in its cache."""
        while await self._follow_to_budget(stream, asked):
            while stream.due is not None:
                if stream.push(stream.due):
                    return
        stream.finish = stream.finish or "length"

    async def _follow_to_budget(self, stream: Stream, asked: Generate) -> bool:
        """Push what vLLM writes; True where the stream waits for a mark that closes its thought."""
        if stream.due is not None:
            return True
        params, schema = text_params(stream), schema_of(asked)
        # Only a stop string or a budget makes it worth looking at tokens one by one as they come.
        stepwise = any(asked.stop) or stream.budget is not None
        outputs = self._process.written((*stream.ids, *stream.written), params, schema=schema, stepwise=stepwise)
        async with aclosing(outputs) as found:
            async for output in found:
                (text,) = output.outputs
                for token in text.token_ids:
                    if stream.push(token):
                        return False
                    if stream.due is not None:
                        return True
                if text.finish_reason in ("abort", "error"):
                    raise ModelError(f"vLLM ended the text: {text.finish_reason}")
        return False

    def _share_since(self, begun: float) -> float:
        """Seconds since then, divided among all that are under way."""
        return (time.perf_counter() - begun) / max(1, len(self._tasks))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._process.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """End the engine; what is under way is never answered."""
        self._process.close()


def _no_rows(rows: Sequence[TokenRow]) -> list[RowScore]:
    raise ModelError("vLLM takes rows one by one")
