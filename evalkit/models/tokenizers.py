"""Counting tokens: what a local model answers to Tokenize without loading its weights, and a model of that alone."""

from __future__ import annotations

import asyncio
import importlib.util
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evalkit.core import Capabilities, Identity, Model, ModelError, Reply, Request, Tokenize, Usage, UsageError
from evalkit.core.distribution import pip_install
from evalkit.core.spec import unknown
from evalkit.data.huggingface import as_found
from evalkit.models.hf.loading import checkpoint as checkpoints
from evalkit.models.hf.loading.checkpoint import Checkpoint

__all__ = ["TokenCounter", "load_tokenizer", "tokenizer"]

_OPTIONS = ("revision", "trust_remote_code")
_WINDOW = 1024


class TokenCounter:
    """Counts with a checkpoint's own tokenizer, which is loaded by the first text."""

    def __init__(self, checkpoint: Checkpoint, *, code: bool = False) -> None:
        self._checkpoint, self._code = checkpoint, code
        self._loading: asyncio.Future[Any] | None = None

    async def answer(self, request: Tokenize) -> Reply:
        """`usage.prompt_tokens`: the tokens of the text, special ones left out. UsageError without a tokenizer."""
        loop = asyncio.get_running_loop()
        if self._loading is None or (not self._loading.done() and self._loading.get_loop() is not loop):
            self._loading = asyncio.ensure_future(asyncio.to_thread(self._load))
        if not self._loading.done():
            await asyncio.shield(self._loading)
        tokenizer = self._loading.result()
        begun = time.perf_counter()
        try:
            count = len(tokenizer(request.text, add_special_tokens=False, verbose=False)["input_ids"])
        except Exception as error:  # a lone surrogate, or what a tokenizer of Python code raises
            raise ModelError(f"the tokenizer refused the text: {type(error).__name__}: {error}") from error
        return Reply(usage=Usage(prompt_tokens=count), seconds=time.perf_counter() - begun)

    def _load(self) -> Any:
        return load_tokenizer(self._checkpoint, code=self._code)


def load_tokenizer(checkpoint: Checkpoint, *, code: bool = False) -> Any:
    """The checkpoint's tokenizer; UsageError where it has none that can be read."""
    import transformers

    origin: dict[str, Any] = {"trust_remote_code": code}
    if checkpoint.commit is not None and not checkpoint.is_local:
        origin["revision"] = checkpoint.commit
    try:
        with as_found(checkpoint.source):
            return transformers.AutoTokenizer.from_pretrained(checkpoint.source, **origin)
    except Exception as error:  # readers of every file format raise errors of their own
        fix = "save it again (tokenizer.save_pretrained)"
        raise checkpoint.unreadable(f"the tokenizer of {checkpoint.source}", error, fix) from error


class _TokenizerModel:
    """A `core.Model` that answers Tokenize and nothing else."""

    def __init__(self, checkpoint: Checkpoint, *, code: bool) -> None:
        self._checkpoint, self._code = checkpoint, code
        self._counter = TokenCounter(checkpoint, code=code)

    @property
    def identity(self) -> Identity:
        facts = [("backend", "tokenizer"), ("tokenizer", self._checkpoint.tokenizer_digest())]
        if self._code:
            facts.append(("code", self._checkpoint.code_digest()))
        return Identity(self._checkpoint.name, tuple(facts), fixed=True)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(requests=frozenset({Tokenize}), window=_WINDOW)

    async def answer(self, request: Request) -> Reply:
        """Raises ModelError for any other request."""
        if not isinstance(request, Tokenize):
            raise ModelError(f"{self._checkpoint.name} only counts tokens; it can't answer {type(request).__name__}")
        return await self._counter.answer(request)

    async def close(self) -> None: ...


def tokenizer(name: str, options: Mapping[str, str]) -> Model:
    """The tokenizer of a folder (whose weights may be missing) or a hub id. Raises UsageError where there is none."""
    for key in options:
        if key not in _OPTIONS:
            raise unknown("option of a tokenizer", key, _OPTIONS)
    if importlib.util.find_spec("transformers") is None:
        raise UsageError("counting tokens needs transformers", fix=pip_install("local"))
    code = options.get("trust_remote_code", "false").lower() in ("true", "yes", "on", "1")
    folder = Path(name).expanduser()
    if name and folder.is_dir() and not (folder / "config.json").is_file():
        folder = folder.resolve()
        found = Checkpoint(f"tokenizer/{folder.name}", str(folder), folder, None, {}, {})
        if not (folder / "tokenizer.json").is_file() and not (folder / "tokenizer_config.json").is_file():
            raise UsageError(f"{folder} has no tokenizer", fix="a folder with tokenizer.json, or a hub id")
        return _TokenizerModel(found, code=code)
    found = checkpoints.find(name, revision=options.get("revision", ""), code=code)
    title = "tokenizer/" + found.name.removeprefix("hf/")
    named = Checkpoint(title, found.source, found.folder, found.commit, found.config, found.tokenizer_config)
    return _TokenizerModel(named, code=code)
