"""A local model as the rest of evalkit sees it: known from its files, loaded by the first request."""

from __future__ import annotations

import asyncio
import gc
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from evalkit.core import (
    Capabilities,
    Choose,
    Generate,
    Identity,
    ModelError,
    Perplexity,
    Reply,
    Request,
    Tokenize,
    UsageError,
)
from evalkit.models.batcher import Batcher
from evalkit.models.hf import tensor_parallel
from evalkit.models.hf.checkpoint_model import CheckpointModel
from evalkit.models.hf.loading import weight_cache
from evalkit.models.hf.loading.checkpoint import Checkpoint
from evalkit.models.hf.loading.weight_files import files_size
from evalkit.models.hf.options import HfOptions
from evalkit.models.hf.request_preparer import guessed_tokens

if TYPE_CHECKING:
    from evalkit.models.hf.engine import Engine
    from evalkit.models.hf.loading.adapters import Adapter

__all__ = ["LocalModel"]

_WINDOW = 4096
"""Samples in flight: enough to sort by length and to meet shared preambles."""
_BUDGETS = {"cpu": 2048, "mps": 4096, "cuda": 16384}
"""Tokens of one forward pass, by device; measured best on a CPU, generous but safe on a GPU."""


class LocalModel(CheckpointModel[HfOptions]):
    """A `core.Model` that transformers runs here. It may be asked again in another event loop after one has ended."""

    def __init__(self, checkpoint: Checkpoint, options: HfOptions, adapter: Adapter | None = None) -> None:
        super().__init__(checkpoint, options, adapter)
        self._key = weight_cache.key_of(checkpoint, options, adapter)
        weight_cache.claim(self, self._key)
        self._loading: Future[tuple[Executor, Engine]] | None = None
        self._awaited: asyncio.Future[tuple[Executor, Engine]] | None = None
        self._batcher: Batcher[Request, Reply] | None = None
        self._leader: tensor_parallel.Leader | None = None
        self._weight_bytes = 0

    def _identify(self) -> Identity:
        from evalkit.models.hf.identity import identify

        return identify(self._checkpoint, self._options, self._adapter)

    @property
    def capabilities(self) -> Capabilities:
        requests: frozenset[type] = frozenset({Generate, Choose, Perplexity, Tokenize})
        if self._checkpoint.is_encoder_decoder:
            # A rolling log-likelihood needs a model that reads the text it scores.
            requests -= {Perplexity}
        return Capabilities(
            requests=requests,
            chats=self._options.chat == "on",
            max_length=self._options.max_length or self._checkpoint.max_length,
            window=_WINDOW,
            features=self._features,
        )

    @property
    def takes(self) -> tuple[int, int]:
        """(GPUs, bytes of its weights' files) where it is held by a replica; bytes 0 where the files are elsewhere."""
        on_cpu = self._options.device == "cpu"
        return (0 if on_cpu else 1), files_size(self._checkpoint.folder)

    @property
    def is_sharded(self) -> bool:
        """Whether several processes hold a part of it each."""
        return bool(self._options.tp_plan)

    @property
    def facts(self) -> dict[str, str]:
        """How the model is computed here ("scoring": "packed"), known once it was asked; for the manifest."""
        loading = self._loading
        if loading is None or not loading.done() or not _is_loaded(loading):
            return {}
        return {**loading.result()[1].facts, "weight bytes": str(self._weight_bytes)}

    @property
    def tokens_written(self) -> int:
        """Tokens of all texts so far, also of those that are being written."""
        loading = self._loading
        is_there = loading is not None and loading.done() and _is_loaded(loading)
        return loading.result()[1].tokens_written if loading is not None and is_there else 0

    async def answer(self, request: Request) -> Reply:
        """Queue a request and await its reply.

        Raises ModelError where this request can't be answered, and UsageError where the model can't be loaded.
        """
        self._refuse(request)
        if isinstance(request, Tokenize):
            return await self._counter.answer(request)
        if self._batcher is None:
            await self._start()
        assert self._batcher is not None
        return await self._batcher.submit(request)

    async def _start(self) -> None:
        """Load the model, once; everyone who asks meanwhile waits for it."""
        if self._loading is None:
            # A separate thread: which device's worker will compute is known only once torch is imported.
            with_torch = ThreadPoolExecutor(1, thread_name_prefix="evalkit-load")
            self._loading = with_torch.submit(self._load)
            with_torch.shutdown(wait=False)
        # One future for everyone: they go on in the same turn of the loop, so that the first batch is a full one.
        if self._awaited is None or self._awaited.get_loop() is not asyncio.get_running_loop():
            self._awaited = asyncio.wrap_future(self._loading)
        executor, engine = await asyncio.shield(self._awaited)
        if self._closed:
            raise ModelError("the model was closed")
        if self._batcher is None:
            prepare = engine.prepare if engine.prepares else None
            run = engine.run if self._leader is None else partial(self._leader.run, engine)
            self._batcher = Batcher(run, executor=executor, cost=guessed_tokens, budget=engine.budget, prepare=prepare)

    def _load(self) -> tuple[Executor, Engine]:
        from evalkit.models.hf.device_executor import pick_device, worker

        device = pick_device(self._options.device)
        if self._options.tp_plan:
            device = tensor_parallel.local_device(device)
        executor = worker(device)
        return executor, executor.submit(self._lead, device).result()

    def _lead(self, device: str) -> Engine:
        if self._options.tp_plan and not tensor_parallel.is_follower():
            self._leader = tensor_parallel.Leader(self._checkpoint, self._options, self._adapter)
        return self._engine(device)

    def engine_here(self) -> Engine:
        """The engine in the calling thread, for a process that computes along with another (`parallel`)."""
        from evalkit.models.hf.device_executor import pick_device

        return self._engine(tensor_parallel.local_device(pick_device(self._options.device)))

    def _engine(self, device: str) -> Engine:
        from evalkit.models.hf.engine import Engine
        from evalkit.models.hf.loading.footprint import weight_bytes
        from evalkit.models.hf.text.rendering import ChatRenderer
        from evalkit.models.oom_backoff import TokenBudget
        from evalkit.models.replies.local_text import text_reader

        base = weight_cache.take(self, self._key, self._checkpoint, self._options, device)
        loaded = base.with_adapter(self._adapter, merge=self._options.adapter_merge)
        if self._options.max_length:
            loaded = replace(loaded, max_length=self._options.max_length)
        self._weight_bytes = weight_bytes(loaded.model)
        renderer = ChatRenderer(loaded.tokenizer, self._options.chat, self._options.system)
        reader = text_reader(loaded.tokenizer, self._options)
        tokens = self._options.batch_tokens or _BUDGETS.get(loaded.device.partition(":")[0], _BUDGETS["cpu"])
        try:
            return Engine(loaded, renderer, reader, TokenBudget(tokens))
        except RuntimeError as error:
            raise UsageError(
                f"{self._checkpoint.name} was loaded but can't be run on {loaded.device}",
                found=str(error).strip().partition("\n")[0],
                fix="another device, dtype or attention",
            ) from error

    async def close(self) -> None:
        """Fail what waits and free the memory. Asking again raises ModelError."""
        self._closed = True
        if self._batcher is not None:
            await self._batcher.close()
        loading, self._loading, self._awaited, self._batcher = self._loading, None, None, None
        if loading is not None:
            executor = (await asyncio.wrap_future(loading))[0] if _is_loaded(loading) else None
            del loading
            if executor is not None:
                await asyncio.get_running_loop().run_in_executor(executor, self._free)
        weight_cache.leave(self, self._key, self._adapter)

    def _free(self) -> None:
        """Leave the weights and collect what the closed model left behind, on the thread that made it."""
        import torch

        if self._leader is not None:
            self._leader.close()
        weight_cache.leave(self, self._key, self._adapter)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _is_loaded(loading: Future[tuple[Executor, Engine]]) -> bool:
    return not loading.done() or (not loading.cancelled() and loading.exception() is None)
