"""Chunks put into a new order by a cross-encoder, which reads question and chunk together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evalkit.core import UsageError
from evalkit.core.distribution import pip_install
from evalkit.data.huggingface import as_found
from evalkit.judging.rag.ranking import Hit
from evalkit.models.embeddings.files import find, identify
from evalkit.models.embeddings.options import EmbeddingOptions
from evalkit.models.loading_lock import LOADING

_BATCH = 32


class Reranker:
    """A cross-encoder of sentence-transformers, loaded by the first question. `name` is a hub id or a folder."""

    def __init__(self, name: str) -> None:
        self._files = find(name, EmbeddingOptions())
        self._model: Any = None

    @property
    def digest(self) -> str:
        """Of its weights and settings, so that another model under the same name is not taken for it."""
        return identify(self._files, EmbeddingOptions()).digest

    def ranked(self, question: str, texts: Sequence[str], hits: Sequence[Hit]) -> list[Hit]:
        """The hits by the model's scores, best first; `texts` are theirs. Among equals the order stays.

        Raises UsageError for a model that cannot be loaded or gives more than one number a pair.
        """
        if not hits:
            return []
        if self._model is None:
            self._model = self._load()
        scores = self._model.predict(
            [(question, text) for text in texts], batch_size=_BATCH, show_progress_bar=False, convert_to_numpy=True
        )
        scored = [Hit(hit.chunk, float(score)) for hit, score in zip(hits, scores, strict=True)]
        return sorted(scored, key=lambda hit: -hit.score)

    def _load(self) -> Any:
        try:
            from sentence_transformers import CrossEncoder
        except ImportError as error:
            raise UsageError(
                "reranking needs sentence-transformers", found=str(error), fix=pip_install("embeddings")
            ) from None
        try:
            with LOADING, as_found(self._files.source):
                model = CrossEncoder(self._files.source, revision=self._files.commit)
        except (OSError, ValueError) as error:
            if of_hub := self._files.refusal(error):
                raise of_hub from error
            raise UsageError(f"{self._files.name} is not a cross-encoder", found=str(error)[:200]) from None
        if model.config.num_labels != 1:
            raise UsageError(
                "a reranker gives one number for a question and a chunk",
                found=f"{model.config.num_labels} labels",
                fix="a cross-encoder with one label, such as those trained on MS MARCO",
                at=self._files.name,
            )
        return model
