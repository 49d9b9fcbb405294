"""A model that vLLM runs here as the rest of evalkit sees it: known from its files, loaded by the first request."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
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
    RunError,
    Tokenize,
)
from evalkit.models.hf.checkpoint_model import CheckpointModel
from evalkit.models.hf.loading.adapters import Adapter
from evalkit.models.hf.loading.checkpoint import Checkpoint
from evalkit.models.hf.loading.weight_files import files_size
from evalkit.models.vllm.gathering import Gatherer
from evalkit.models.vllm.options import VllmOptions

if TYPE_CHECKING:
    from evalkit.models.vllm.engine import Engine

__all__ = ["VllmModel"]

_WINDOW = 4096
"""Samples in flight: vLLM queues them and fills its own batches."""


class VllmModel(CheckpointModel[VllmOptions]):
    """A `core.Model`. It may be asked again in another event loop after one has ended."""

    def __init__(self, checkpoint: Checkpoint, options: VllmOptions, adapter: Adapter | None = None) -> None:
        super().__init__(checkpoint, options, adapter)
        self._engine: Future[Engine] | None = None
        self._gatherer: Gatherer[Request, Reply] | None = None

    def _identify(self) -> Identity:
        from evalkit.models.vllm.identity import identify

        return identify(self._checkpoint, self._options, self._adapter)

    @property
    def capabilities(self) -> Capabilities:
        length = self._options.max_model_len or self._checkpoint.max_length
        return Capabilities(
            requests=frozenset({Generate, Choose, Perplexity, Tokenize}),
            chats=self._options.chat == "on",
            max_length=length - 1 if length else None,
            window=_WINDOW,
            features=self._features | {"schema"},
        )

    @property
    def takes(self) -> tuple[int, int]:
        """(GPUs, bytes of its weights' files) where it is held by a replica; bytes 0 where the files are elsewhere."""
        options = self._options
        return options.tensor_parallel_size * options.pipeline_parallel_size, files_size(self._checkpoint.folder)

    @property
    def facts(self) -> dict[str, str]:
        """How the model is computed here, known once it was asked; for the manifest."""
        engine = self._engine
        if engine is None or not engine.done() or engine.cancelled() or engine.exception() is not None:
            return {}
        return engine.result().facts

    async def answer(self, request: Request) -> Reply:
        """Queue a request and await its reply.

        Raises ModelError where this request can't be answered, UsageError where the model can't be loaded, and RunError
        where vLLM's engine has ended.
        """
        self._refuse(request)
        if isinstance(request, Tokenize):
            return await self._counter.answer(request)
        if self._engine is None:
            thread = ThreadPoolExecutor(1, thread_name_prefix="evalkit-load")
            self._engine = thread.submit(self._load)
            thread.shutdown(wait=False)
        engine = await asyncio.shield(asyncio.wrap_future(self._engine))
        if self._gatherer is None:
            self._gatherer = Gatherer(engine.take)
        self._check(engine)
        try:
            return await self._gatherer.submit(request)
        except ModelError:
            self._check(engine)
            raise

    def _check(self, engine: Engine) -> None:
        if engine.dead:
            raise RunError(
                f"vLLM's engine for {self._checkpoint.name} has ended.\n  found: {engine.dead}\n"
                "  try:   evalkit run --resume; a smaller gpu_memory_utilization or max_model_len where memory ran out"
            )

    def _load(self) -> Engine:
        from evalkit.models.vllm.engine import Engine

        return Engine(self._checkpoint, self._options, self._adapter)

    async def close(self) -> None:
        """Fail what waits and end the engine. Asking again raises ModelError."""
        self._closed = True
        if self._gatherer is not None:
            self._gatherer.close()
        engine, self._engine = self._engine, None
        if engine is not None:
            await asyncio.wait([asyncio.wrap_future(engine)])
            if engine.exception() is None:
                await asyncio.to_thread(engine.result().close)
