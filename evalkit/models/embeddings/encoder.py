"""An embedding model in memory: everything that waits is cut into batches of like length and encoded.

Runs on the device's worker thread. Every request is answered as soon as its last text is, and fails alone.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from evalkit.core import Embed, ModelError, Reply, Usage, UsageError, Vectors
from evalkit.data.huggingface import as_found
from evalkit.models.batcher import Batch
from evalkit.models.embeddings.files import Files
from evalkit.models.embeddings.options import EmbeddingOptions
from evalkit.models.hf.scoring.plan import by_length
from evalkit.models.loading_lock import LOADING
from evalkit.models.oom_backoff import TokenBudget, run_with_oom_backoff

__all__ = ["Encoder", "load"]

_BUDGETS = {"cpu": 4096, "mps": 8192, "cuda": 32768}
_QUERY, _DOCUMENT = ("query",), ("document", "passage", "corpus")
"""The names under which sentence-transformers models keep their prompts, the first one that is there."""


@dataclass(slots=True)
class _Text:
    """A distinct text (with the prompt it gets) and the places in requests that wait for its vector."""

    text: str
    role: str
    tokens: int
    users: list[tuple[int, int]] = field(default_factory=list)


class Encoder:
    """What a loaded embedding model can be asked. Not thread-safe: one worker thread uses it."""

    def __init__(self, model: Any, options: EmbeddingOptions, device: str) -> None:
        self._model = model
        self._device = device
        self._budget = TokenBudget(options.batch_tokens or _BUDGETS.get(device.partition(":")[0], _BUDGETS["cpu"]))
        self.max_length = int(model.max_seq_length or 1 << 30)
        self._prompts = {
            "text": model.prompts.get(model.default_prompt_name, "") if model.default_prompt_name else "",
            "query": _prompt(model, options.query_prompt, _QUERY),
            "document": _prompt(model, options.document_prompt, _DOCUMENT),
        }

    @property
    def budget(self) -> int:
        """Tokens of one forward pass."""
        return self._budget.tokens

    def run(self, batch: Batch[Embed, Reply]) -> None:
        """Answer every request of a batch."""
        texts = self._texts(batch)
        answers = _Answers(batch, self.max_length)
        run_with_oom_backoff(
            [min(text.tokens, self.max_length) for text in texts],
            self._budget,
            plan=by_length,
            run=lambda numbers: answers.settle([texts[number] for number in numbers], *self._encode(texts, numbers)),
            is_open=lambda number: any(answers.wants(index) for index, _ in texts[number].users),
            fail=lambda number, error: answers.fail(texts[number], error),
            release=self._release,
        )

    def _texts(self, batch: Batch[Embed, Reply]) -> list[_Text]:
        """Every distinct text of the batch with its length; a request with a text that has none fails here."""
        found: dict[tuple[str, str], _Text] = {}
        for index, request in enumerate(batch.jobs):
            if not batch.wanted(index):
                continue
            if not request.texts:
                batch.deliver(index, ModelError("no text was given to embed"))
                continue
            try:
                lengths = [self._tokens(self._prompts[request.role] + text) for text in request.texts]
            except Exception as error:  # noqa: BLE001 - a lone surrogate fails its own request
                batch.deliver(index, ModelError(f"the tokenizer refused the text: {error}"))
                continue
            for place, (text, tokens) in enumerate(zip(request.texts, lengths, strict=True)):
                entry = found.setdefault((request.role, text), _Text(text, request.role, tokens))
                entry.users.append((index, place))
        return list(found.values())

    def _tokens(self, text: str) -> int:
        tokenizer = self._model.tokenizer
        if callable(tokenizer):
            return len(tokenizer(text, truncation=False, verbose=False)["input_ids"])
        return len(tokenizer.encode(text).ids)  # a static embedding's tokenizer is of the package tokenizers

    def _encode(self, texts: Sequence[_Text], numbers: tuple[int, ...]) -> tuple[Any, float]:
        """Vectors of shape (len(numbers), dimension), float32, and the seconds they took."""
        begun = time.perf_counter()
        rows: Any = None
        for role in dict.fromkeys(texts[number].role for number in numbers):
            places = [place for place, number in enumerate(numbers) if texts[number].role == role]
            encode = {"query": self._model.encode_query, "document": self._model.encode_document}.get(
                role, self._model.encode
            )
            vectors = encode(
                [texts[numbers[place]].text for place in places],
                prompt=self._prompts[role] or None,
                prompt_name=None,
                batch_size=len(places),
                show_progress_bar=False,
                convert_to_numpy=True,
            ).astype(np.float32)
            if rows is None:
                rows = np.empty((len(numbers), vectors.shape[1]), np.float32)
            rows[places] = vectors
        return rows, time.perf_counter() - begun

    def _release(self) -> None:
        gc.collect()
        if self._device.startswith("cuda"):
            torch.cuda.empty_cache()


class _Answers:
    """The vectors that have come for each request of a batch."""

    def __init__(self, batch: Batch[Embed, Reply], limit: int) -> None:
        self._batch, self._limit = batch, limit
        self._rows: dict[int, dict[int, Any]] = {}
        self._tokens: dict[int, list[int]] = {}
        self._seconds: dict[int, float] = {}
        self._failed: set[int] = set()

    def wants(self, index: int) -> bool:
        return index not in self._failed and self._batch.wanted(index)

    def fail(self, text: _Text, error: Exception) -> None:
        for index, _ in text.users:
            self._failed.add(index)
            self._batch.deliver(index, error)

    def settle(self, texts: Sequence[_Text], rows: Any, seconds: float) -> None:
        share = seconds / len(texts)
        for text, row in zip(texts, rows, strict=True):
            if not np.isfinite(row).all():
                self.fail(text, ModelError("the model gave a vector with numbers that are not finite"))
                continue
            for index, place in text.users:
                self._rows.setdefault(index, {})[place] = row
                self._tokens.setdefault(index, []).append(text.tokens)
                self._seconds[index] = self._seconds.get(index, 0.0) + share / len(text.users)
                if len(self._rows[index]) == len(self._batch.jobs[index].texts):
                    self._deliver(index)

    def _deliver(self, index: int) -> None:
        rows, tokens = self._rows.pop(index), self._tokens[index]
        reply = Reply(
            vectors=Vectors.of(np.stack([rows[place] for place in range(len(rows))])),
            usage=Usage(prompt_tokens=sum(min(count, self._limit) for count in tokens)),
            truncated_tokens=max(0, max(tokens) - self._limit),
            seconds=self._seconds[index],
        )
        self._batch.deliver(index, reply)


def _prompt(model: Any, given: str | None, names: tuple[str, ...]) -> str:
    if given is not None:
        return given
    return next((str(model.prompts[name]) for name in names if model.prompts.get(name)), "")


def load(files: Files, options: EmbeddingOptions, device: str) -> Encoder:
    """Load the model onto `device`. Raises UsageError where that can't be done."""
    # It warns of what is meant here (an encoder without modules of its own), and shows bars.
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    settings: dict[str, Any] = {"device": device, "trust_remote_code": options.trust_remote_code}
    if options.dtype != "auto":
        settings["model_kwargs"] = {"dtype": getattr(torch, options.dtype)}
    if files.commit is not None and not files.is_local:
        settings["revision"] = files.commit
    try:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as words

        words.disable_progress_bar()
        with LOADING, as_found(files.source):
            if options.pooling == "auto":
                model = SentenceTransformer(files.source, **settings)
            else:
                model = _pooled(files, options.pooling, settings)
    except UsageError:
        raise
    except Exception as error:  # readers of every file format raise errors of their own
        fix = "another dtype or device; for a model with its own code, trust_remote_code=true"
        raise files.unreadable(files.name, error, fix) from error
    if options.max_length is not None:
        model.max_seq_length = options.max_length
    model.eval()
    return Encoder(model, options, device)


def _pooled(files: Files, pooling: str, settings: dict[str, Any]) -> Any:
    from sentence_transformers import SentenceTransformer

    try:
        from sentence_transformers.sentence_transformer import modules
    except ImportError:  # an older release
        from sentence_transformers import models as modules

    if (files.folder / "modules.json").is_file():
        raise UsageError(
            f"{files.name} defines its pooling itself", found=f"pooling={pooling}", fix="leave pooling= out"
        )
    arguments = {"trust_remote_code": settings["trust_remote_code"], **settings.get("model_kwargs", {})}
    if "revision" in settings:
        arguments["revision"] = settings["revision"]
    words = modules.Transformer(files.source, model_kwargs=arguments)
    return SentenceTransformer(
        modules=[words, modules.Pooling(words.get_embedding_dimension(), pooling_mode=pooling)],
        device=settings["device"],
    )
