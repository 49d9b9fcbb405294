"""Answers everything that waits at a GGUF model. Runs on the device's worker thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from evalkit.core import ModelError, Reply, Request, UsageError
from evalkit.models.batcher import Batch
from evalkit.models.hf.counters import Counters
from evalkit.models.hf.generation import requests as generation
from evalkit.models.hf.request_preparer import RequestPreparer
from evalkit.models.hf.scoring import requests as scoring
from evalkit.models.hf.scoring.plan import RowScore, TokenRow
from evalkit.models.hf.text.encode import Tokens
from evalkit.models.hf.text.rendering import ChatRenderer
from evalkit.models.llamacpp.generating import generate
from evalkit.models.llamacpp.header import Header
from evalkit.models.llamacpp.library import complaint, library
from evalkit.models.llamacpp.options import GgufOptions
from evalkit.models.llamacpp.scoring import score, tally
from evalkit.models.llamacpp.sequences import LlamaContext, Sequences
from evalkit.models.llamacpp.settings import bytes_per_token, cells_of, flash_attention, gpu_layers, kv_type, threads
from evalkit.models.llamacpp.vocabulary import Vocabulary
from evalkit.models.llamacpp.widening import widened
from evalkit.models.oom_backoff import kv_cache_bytes
from evalkit.models.replies.local_text import text_reader

__all__ = ["Engine"]

_log = logging.getLogger(__name__)

_SEQUENCES = 64
"""Texts in the cache at a time, or continuations of one wave."""
_STATES = 8
"""The same for models that keep a state for each."""
_WAVE = 4096
"""Tokens of one wave's prefix tree. Attention looks at all cells in use, so that more would cost more."""
_WRITING = 16384
"""Tokens that the cache gets for texts that are written together, where memory allows."""
_TOLERANCE = 0.1
"""Log-probabilities of a trial may differ by this much; a cache that does not do what is asked is off by far more."""


class Engine:
    """What a loaded GGUF model can be asked. Not thread-safe, `prepare` apart: one worker thread uses it."""

    def __init__(self, path: Path, header: Header, options: GgufOptions, vocabulary: Vocabulary, longest: int) -> None:
        """Raises UsageError where llama.cpp can't load or run the model."""
        self._llama = library()
        layers = gpu_layers(options, self._llama)
        params = self._llama.llama_model_default_params()
        params.n_gpu_layers = layers
        begun = time.perf_counter()
        with widened(path, wanted=options.widen) as source:
            self._model: Any = self._llama.llama_model_load_from_file(str(source).encode(), params)
        if not self._model:
            raise UsageError(
                f"{path.name} can't be loaded",
                found=complaint() or "llama.cpp does not say why",
                fix="a newer llama-cpp-python may know it: pip install -U llama-cpp-python",
                at=str(path),
            )
        self.load_seconds = time.perf_counter() - begun
        if self._llama.llama_model_has_encoder(self._model) or not self._llama.llama_model_has_decoder(self._model):
            raise UsageError(
                f"{path.name} is not a model that continues text",
                found=f"architecture {header.architecture}",
                fix="hf/<the model's folder> runs encoder-decoder models",
            )
        states = self._llama.llama_model_is_recurrent(self._model) or self._llama.llama_model_is_hybrid(self._model)
        self._context = LlamaContext(
            model=self._model,
            vocabulary=len(vocabulary),
            threads=threads(options, header),
            batch=options.batch_tokens,
            sequences=_STATES if states else _SEQUENCES,
            kv=kv_type(options, header),
            flash_attention=flash_attention(options, layers),
            shares=not states,
        )
        self.stats = Counters()
        self._underway: generation.Generation | None = None
        self._written = 0
        self._sequences = Sequences(self._context, self.stats)
        self._cells = partial(cells_of, longest=longest, header=header)
        self._room = max(longest, kv_cache_bytes("cpu") // bytes_per_token(header, self._context.kv))
        renderer = ChatRenderer(vocabulary, options.chat, options.system)
        self.prepare = RequestPreparer(
            renderer, Tokens(vocabulary, max_length=longest), text_reader(vocabulary, options), vocabulary.eos_ids
        )
        """Renders and tokenises requests that wait, from any thread; a batch does the rest itself."""
        self.facts = {
            "scoring": self._tried(len(vocabulary)),
            "threads": str(self._context.threads),
            "gpu_layers": str(layers) if layers >= 0 else "all",
            "weight bytes": str(
                4 * header.weights if options.widen else sum(size for _, size in header.types.values())
            ),
        }

    @property
    def tokens_written(self) -> int:
        """Tokens of all texts since the model was loaded, also of those that are being written."""
        work = self._underway
        return self._written + (work.tokens if work is not None else 0)

    def run(self, batch: Batch[Request, Reply]) -> None:
        """Answer every request of a batch."""
        begun = time.perf_counter()
        asked = self.prepare.all_of(batch)
        self._score(batch, [item for item in asked if isinstance(item, scoring.PreparedScoring)])
        self.stats.total_seconds += time.perf_counter() - begun
        self._write(batch, [item for item in asked if isinstance(item, generation.PreparedGeneration)])

    def _score(self, batch: Batch[Request, Reply], requests: Sequence[scoring.PreparedScoring]) -> None:
        work = scoring.Scoring(batch, requests, self._rows, self.stats)
        lengths = [len(row.ids) for number, row in enumerate(work.rows) if work.is_open(number)]
        if not lengths:
            return
        longest = min(max(lengths), self._room)
        # Two neighbours on both sides of a cut are in the cache at the same time.
        self._reserve(max(_WAVE, longest) + longest, longest)
        most = max(longest, self._sequences.cells - longest)
        score(work, self._sequences, most=most, room=self._sequences.cells, leaves=self._leaves)

    @property
    def _leaves(self) -> int:
        """Sequences of a wave; one more holds what an earlier wave left."""
        return self._context.sequences - 1

    def _write(self, batch: Batch[Request, Reply], requests: Sequence[generation.PreparedGeneration]) -> None:
        if not requests:
            return
        work = generation.Generation(batch, requests)
        lengths = [stream.length + 1 for number, stream in enumerate(work.streams) if work.is_open(number)]
        if not lengths:
            return
        longest = min(max(lengths), self._room)
        self._reserve(max(longest, min(sum(lengths), _WRITING)), longest)
        self._underway = work
        try:
            generate(work, self._sequences, room=self._sequences.cells - 1)
        finally:
            self._underway, self._written = None, self._written + work.tokens

    def _reserve(self, cells: int, least: int) -> None:
        self._sequences.reserve(self._cells(min(self._room, cells)), least=self._cells(least))

    def _rows(self, rows: Sequence[TokenRow]) -> list[RowScore]:
        raise ModelError("rows are scored in waves here")

    def _tried(self, vocabulary: int) -> str:
        """How rows are scored, in words: sequences share what they begin with where a trial of that goes well."""
        if not self._context.shares:
            return "every prompt from its beginning: the model keeps a state instead of keys and values"
        ids = tuple(1 + (7 * number * number + 3) % (vocabulary - 1) for number in range(1, 25))
        trial = {0: ids[:16], 1: (*ids[:12], *ids[20:24]), 2: (*ids[:5], *ids[16:20])}
        try:
            self._reserve(256, 256)
            together = self._trial(trial)
            apart = {number: self._trial({number: row})[number] for number, row in trial.items()}
        except ModelError as error:
            raise UsageError("llama.cpp loaded the model but can't run it", found=str(error)) from None
        worst = max(abs(together[number] - apart[number]) for number in trial)
        if worst <= _TOLERANCE:
            return "shared beginnings once"
        self._context = LlamaContext(**{**_fields(self._context), "shares": False})
        self._sequences.close()
        self._sequences = Sequences(self._context, self.stats)
        _log.warning("every prompt is computed from its beginning, which is slow: shared, it is off by %.2g", worst)
        return f"every prompt from its beginning: shared, log-probabilities differ by {worst:.2g}"

    def _trial(self, rows: dict[int, tuple[int, ...]]) -> dict[int, float]:
        found: dict[int, float] = {}
        for output in self._sequences.extend(rows, {number: (len(ids) - 1,) for number, ids in rows.items()}):
            values, _ = tally(output, [rows[number][0] for number, _ in output.asked])
            found.update(zip((number for number, _ in output.asked), values, strict=True))
        self._sequences.clear()
        return found

    def close(self) -> None:
        """Free cache and weights; nothing may be asked afterwards."""
        self._sequences.close()
        model, self._model = self._model, None
        if model:
            self._llama.llama_model_free(model)


def _fields(context: LlamaContext) -> dict[str, Any]:
    return {name: getattr(context, name) for name in LlamaContext.__dataclass_fields__}
