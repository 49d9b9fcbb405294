"""An embedding model as the rest of evalkit sees it: known from its files, loaded by the first request."""

from __future__ import annotations

import asyncio
import gc
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from evalkit.core import Capabilities, Embed, Identity, ModelError, Reply, Request, Tokenize
from evalkit.models.batcher import Batcher
from evalkit.models.embeddings.files import Files, identify
from evalkit.models.embeddings.options import EmbeddingOptions
from evalkit.models.hf.loading.checkpoint import Checkpoint
from evalkit.models.hf.loading.weight_files import files_size
from evalkit.models.tokenizers import TokenCounter

if TYPE_CHECKING:
    from evalkit.models.embeddings.encoder import Encoder

__all__ = ["EmbeddingModel"]

_WINDOW = 1024
"""Samples in flight: enough to fill batches with texts of like length."""


class EmbeddingModel:
    """A `core.Model` that answers Embed and Tokenize. It may be asked again in another event loop."""

    def __init__(self, files: Files, options: EmbeddingOptions) -> None:
        self._files, self._options = files, options
        self._identity: Identity | None = None
        self._loading: Future[tuple[Executor, Encoder]] | None = None
        self._batcher: Batcher[Embed, Reply] | None = None
        self._counter = TokenCounter(
            Checkpoint(files.name, files.source, files.folder, files.commit, {}, {}), code=options.trust_remote_code
        )
        self._closed = False

    @property
    def identity(self) -> Identity:
        """Who this is. The first look computes the digest of local weights, which is then remembered on disk."""
        if self._identity is None:
            self._identity = identify(self._files, self._options)
        return self._identity

    @property
    def capabilities(self) -> Capabilities:
        longest = self._options.max_length or self._files.max_length
        return Capabilities(requests=frozenset({Embed, Tokenize}), max_length=longest, window=_WINDOW)

    @property
    def takes(self) -> tuple[int, int]:
        """(GPUs, bytes of its weights' files) where it is held by a replica; bytes 0 where the files are elsewhere."""
        return (0 if self._options.device == "cpu" else 1), files_size(self._files.folder)

    async def answer(self, request: Request) -> Reply:
        """Queue a request and await its reply.

        Raises ModelError where this request can't be answered, and UsageError where the model can't be loaded.
        """
        if self._closed:
            raise ModelError("the model was closed")
        if isinstance(request, Tokenize):
            return await self._counter.answer(request)
        if not isinstance(request, Embed):
            raise ModelError(f"{self._files.name} can't be asked for {type(request).__name__}")
        if self._batcher is None:
            await self._start()
        assert self._batcher is not None
        return await self._batcher.submit(request)

    async def _start(self) -> None:
        """Load the model, once; everyone who asks meanwhile waits for it."""
        if self._loading is None:
            loader = ThreadPoolExecutor(1, thread_name_prefix="evalkit-load")
            self._loading = loader.submit(self._load)
            loader.shutdown(wait=False)
        executor, encoder = await asyncio.shield(asyncio.wrap_future(self._loading))
        if self._closed:
            raise ModelError("the model was closed")
        if self._batcher is None:
            self._batcher = Batcher(encoder.run, executor=executor, cost=_cost, budget=encoder.budget * 16)

    def _load(self) -> tuple[Executor, Encoder]:
        from evalkit.models.embeddings.encoder import load
        from evalkit.models.hf.device_executor import pick_device, worker

        device = pick_device(self._options.device)
        executor = worker(device)
        return executor, executor.submit(load, self._files, self._options, device).result()

    async def close(self) -> None:
        """Fail what waits and free the memory. Asking again raises ModelError."""
        self._closed = True
        if self._batcher is not None:
            await self._batcher.close()
        self._batcher = None
        loading, self._loading = self._loading, None
        if loading is not None and loading.done() and not loading.cancelled() and loading.exception() is None:
            executor = loading.result()[0]
            del loading
            await asyncio.get_running_loop().run_in_executor(executor, _free)


def _free() -> None:
    """Collect what the closed model left behind, on the thread that made it."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _cost(request: Embed) -> int:
    """Tokens that a request will take, guessed at four characters each, without tokenising it."""
    return sum(len(text) // 4 + 1 for text in request.texts)
