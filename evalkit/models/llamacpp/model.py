"""A GGUF file as the rest of evalkit sees it: known from its header, loaded by the first request."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
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
    Usage,
    digest_of,
)
from evalkit.models.batcher import Batcher
from evalkit.models.hf.device_executor import worker
from evalkit.models.hf.loading.weight_files import weight_digest
from evalkit.models.hf.request_preparer import FEATURES, guessed_tokens, refuse
from evalkit.models.llamacpp.header import Header
from evalkit.models.llamacpp.library import library, version
from evalkit.models.llamacpp.options import GgufOptions
from evalkit.models.llamacpp.settings import gpu_layers, kv_name, longest_input

if TYPE_CHECKING:
    from evalkit.models.llamacpp.engine import Engine
    from evalkit.models.llamacpp.vocabulary import Vocabulary

__all__ = ["GgufFile", "GgufModel"]

_WINDOW = 4096
"""Samples in flight: enough to meet shared preambles."""


@dataclass(frozen=True, slots=True)
class GgufFile:
    """A file and what its header says; `name` is the model's, with what makes it another than its plain self."""

    name: str
    path: Path
    header: Header

    @property
    def template(self) -> str | None:
        return self.header.template


class GgufModel:
    """A `core.Model` that llama.cpp runs in this process."""

    def __init__(self, file: GgufFile, options: GgufOptions) -> None:
        self._file = file
        self._options = options
        self._identity: Identity | None = None
        self._engine: Future[Engine] | None = None
        self._awaited: asyncio.Future[Engine] | None = None
        self._vocabulary: Vocabulary | None = None
        self._reading = Lock()
        self._batcher: Batcher[Request, Reply] | None = None
        self._takes_tools = "tools" in (file.template or "") and options.chat != "off"
        self._closed = False

    @property
    def max_length(self) -> int:
        """The longest input in tokens."""
        return longest_input(self._options, self._file.header)

    @property
    def identity(self) -> Identity:
        """Who this is. The first look computes the file's digest, which is then remembered on disk."""
        if self._identity is None:
            header, options = self._file.header, self._options
            facts = {
                "backend": "llama.cpp",
                "llama-cpp-python": version(),
                "weights": f"sha256:{weight_digest([self._file.path])}",
                "quantization": header.quantization,
                "bits": f"{header.bits:.2f}",
                "template": digest_of(header.template) if header.template is not None else "none",
                "chat": options.chat,
                "kv": kv_name(options, header),
            }
            if options.flash_attention != "auto":
                facts["flash_attention"] = options.flash_attention
            if options.widen:
                facts["widen"] = "float32"
            if options.system:
                facts["system"] = digest_of(options.system)
            facts |= options.thought_facts(closed=True)
            if options.max_length is not None:
                facts["max_length"] = str(options.max_length)
            self._identity = Identity(self._file.name, tuple(facts.items()), fixed=True)
        return self._identity

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            requests=frozenset({Generate, Choose, Perplexity, Tokenize}),
            chats=self._options.chat == "on",
            max_length=self.max_length,
            window=_WINDOW,
            features=FEATURES | ({"tools"} if self._takes_tools else set()),
        )

    @property
    def takes(self) -> tuple[int, int]:
        """(GPUs, bytes of its file) where it is held by a replica."""
        return (0 if self._options.gpu_layers == "0" else 1), self._file.path.stat().st_size

    @property
    def facts(self) -> dict[str, str]:
        """How the model is computed here, known once it was asked; for the manifest."""
        engine = self._engine
        if engine is None or not engine.done() or engine.cancelled() or engine.exception() is not None:
            return {}
        return {**engine.result().facts, **engine.result().prepare.facts}

    @property
    def tokens_written(self) -> int:
        """Tokens of all texts so far, also of those that are being written."""
        engine = self._engine
        is_there = engine is not None and engine.done() and not engine.cancelled() and engine.exception() is None
        return engine.result().tokens_written if engine is not None and is_there else 0

    async def answer(self, request: Request) -> Reply:
        """Queue a request and await its reply.

        Raises ModelError where this request can't be answered, and UsageError where the model can't be loaded.
        """
        self._refuse(request)
        if isinstance(request, Tokenize):
            return await self._count(request)
        if self._engine is None:
            self._engine = self._executor.submit(self._load)
        # One future for everyone: they go on in the same turn of the loop, so that the first batch is a full one.
        if self._awaited is None or self._awaited.get_loop() is not asyncio.get_running_loop():
            self._awaited = asyncio.wrap_future(self._engine)
        engine = await asyncio.shield(self._awaited)
        if self._closed:
            raise ModelError("the model was closed")
        if self._batcher is None:
            beside = engine.prepare if engine.facts["gpu_layers"] != "0" else None
            self._batcher = Batcher(
                engine.run,
                executor=self._executor,
                cost=guessed_tokens,
                budget=self._options.batch_tokens,
                prepare=beside,
            )
        return await self._batcher.submit(request)

    @cached_property
    def _executor(self) -> Executor:
        """The thread that computes: on a CPU the one that all local models share."""
        return worker("gpu of llama.cpp" if gpu_layers(self._options, library()) else "cpu")

    def _refuse(self, request: Request) -> None:
        if self._closed:
            raise ModelError("the model was closed")
        has_chat = self._options.chat != "off"
        has_template = self._file.template is not None
        refuse(request, self._file.name, self.capabilities, has_chat=has_chat, has_template=has_template)

    async def _count(self, request: Tokenize) -> Reply:
        """`usage.prompt_tokens`: the tokens of the text, special ones left out; the weights are not needed for it."""
        vocabulary = self._vocabulary
        if vocabulary is None:
            vocabulary = await asyncio.to_thread(self._read)
        begun = time.perf_counter()
        try:
            count = len(vocabulary(request.text, add_special_tokens=False)["input_ids"])
        except ValueError as error:
            raise ModelError(f"the tokenizer refused the text: {error}") from error
        return Reply(usage=Usage(prompt_tokens=count), seconds=time.perf_counter() - begun)

    def _read(self) -> Vocabulary:
        """The tokenizer; counting and computing share one, whoever comes first."""
        from evalkit.models.llamacpp.vocabulary import Vocabulary

        with self._reading:
            if self._vocabulary is None:
                self._vocabulary = Vocabulary(self._file.path, self._file.header)
            return self._vocabulary

    def _load(self) -> Engine:
        from evalkit.models.llamacpp.engine import Engine

        return Engine(self._file.path, self._file.header, self._options, self._read(), self.max_length)

    async def close(self) -> None:
        """Fail what waits and free the memory. Asking again raises ModelError."""
        self._closed = True
        if self._batcher is not None:
            await self._batcher.close()
        engine, self._engine, self._batcher = self._engine, None, None
        if engine is not None:
            await asyncio.wait([asyncio.wrap_future(engine)])
            if engine.exception() is None:
                await asyncio.get_running_loop().run_in_executor(self._executor, engine.result().close)
        with self._reading:
            if self._vocabulary is not None:
                self._vocabulary.close()
