"""The small retriever: a folder of documents, cut, indexed, searched, fused and reranked, as its settings say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from evalkit import models
from evalkit.core import Model, UsageError, digest_of
from evalkit.judging.rag.chunking import Chunk, Chunking, chunks_of
from evalkit.judging.rag.dense import DenseIndex, closed, vectors_of
from evalkit.judging.rag.evidence import DocumentIndex
from evalkit.judging.rag.folders import documents_digest, documents_of
from evalkit.judging.rag.indexes import kept
from evalkit.judging.rag.lexical import Bm25, LexicalIndex
from evalkit.judging.rag.ranking import Hit, fused
from evalkit.judging.rag.records import Context
from evalkit.judging.rag.reranking import Reranker

How = Literal["bm25", "dense", "hybrid"]


@dataclass(frozen=True, slots=True)
class Retrieval:
    """How contexts are found.

    bm25 ranks by words, dense by the vectors of `embedder` (a model's name, such as st/<repo or path>), hybrid fuses
    both rankings. `candidates` chunks of each go into fusion and reranking, `top` are kept in the end. Raises
    UsageError for settings that do not go together.
    """

    how: How = "bm25"
    chunking: Chunking = field(default_factory=Chunking)
    top: int = 5
    candidates: int = 50
    embedder: str = ""
    reranker: str = ""
    bm25: Bm25 = field(default_factory=Bm25)
    fusion_k: int = 60

    def __post_init__(self) -> None:
        if self.how not in get_args(How):
            raise UsageError(f"no retriever named {self.how!r}", fix=", ".join(get_args(How)))
        if not 1 <= self.top <= self.candidates:
            raise UsageError(
                "at least 1 chunk is kept, and no more than there are candidates",
                found=f"top={self.top}, candidates={self.candidates}",
                fix=f"top=5,candidates={max(50, self.top)}",
            )
        if self.fusion_k < 0:
            raise UsageError("the constant of the fusion is not negative", found=str(self.fusion_k), fix="60")
        if (self.how == "bm25") == bool(self.embedder):
            wrong = "bm25 uses no embedder" if self.embedder else f"{self.how} retrieval needs an embedding model"
            fix = "retriever=dense or hybrid" if self.embedder else f"retriever={self.how},embedder=st/<repo or path>"
            raise UsageError(wrong, found=f"embedder={self.embedder!r}", fix=fix)


class Retriever:
    """A folder of documents under one setting. Opening it reads, cuts and indexes (from the cache where it can)."""

    def __init__(self, folder: str | Path, settings: Retrieval) -> None:
        documents = documents_of(folder)
        self.settings = settings
        self.chunks = chunks_of(documents, settings.chunking)
        if not self.chunks:
            raise UsageError("the documents hold no text", found=f"{len(documents)} files", at=str(folder))
        self.documents_index = DocumentIndex(documents, self.chunks, settings.chunking.size)
        self._embedder = models.resolve(settings.embedder) if settings.embedder else None
        self._reranker = Reranker(settings.reranker) if settings.reranker else None
        self._source = digest_of(documents_digest(documents), settings.chunking.words)
        self._lexical = None if settings.how == "dense" else self._lexical_index()
        self._dense = None if self._embedder is None else self._dense_index(self._embedder)
        self.facts = {
            "documents": str(len(documents)),
            "chunks": f"{len(self.chunks)} ({settings.chunking.words})",
            "retriever": self._words(),
        }

    @property
    def digest(self) -> str:
        """Of everything that decides what is found: documents, chunking, models, settings."""
        return digest_of(self._source, self._words())

    def retrieved(self, questions: Sequence[str]) -> Iterator[tuple[Context, ...]]:
        """The best `top` chunks for each question, best first; their scores are those of the last stage."""
        for question, hits in zip(questions, self._candidates(questions), strict=True):
            if self._reranker is not None:
                hits = self._reranker.ranked(question, [self.chunks[hit.chunk].text for hit in hits], hits)
            yield tuple(
                _context(self.chunks[hit.chunk], rank, hit.score)
                for rank, hit in enumerate(hits[: self.settings.top], 1)
            )

    def close(self) -> None:
        """Let go of the models; nothing is retrieved afterwards."""
        if self._embedder is not None:
            closed(self._embedder)
        self._embedder = self._reranker = None

    def _candidates(self, questions: Sequence[str]) -> list[list[Hit]]:
        depth = self.settings.candidates
        rankings: list[list[list[Hit]]] = []
        if self._lexical is not None:
            rankings.append(self._lexical.search(questions, depth))
        if self._dense is not None and self._embedder is not None:
            rankings.append(self._dense.search(vectors_of(self._embedder, questions, "query"), depth))
        if len(rankings) == 1:
            return rankings[0]
        return [fused(both, self.settings.fusion_k)[:depth] for both in zip(*rankings, strict=True)]

    def _lexical_index(self) -> LexicalIndex:
        texts = [chunk.text for chunk in self.chunks]
        return kept(
            digest_of(self._source, self.settings.bm25.words),
            lambda: LexicalIndex.of(texts, self.settings.bm25),
            lambda folder: LexicalIndex.load(folder, len(texts)),
        )

    def _dense_index(self, embedder: Model) -> DenseIndex:
        texts = [chunk.text for chunk in self.chunks]
        return kept(
            digest_of(self._source, embedder.identity.digest, "flat v1"),
            lambda: DenseIndex.of(vectors_of(embedder, texts, "document")),
            lambda folder: DenseIndex.load(folder, len(texts)),
        )

    def _words(self) -> str:
        settings = self.settings
        parts = [f"{settings.how} top {settings.top} of {settings.candidates}"]
        if self._lexical is not None:
            parts.append(settings.bm25.words)
        if self._embedder is not None:
            parts.append(f"{self._embedder.identity.name}@{self._embedder.identity.digest[:8]}")
        if settings.how == "hybrid":
            parts.append(f"fused k={settings.fusion_k}")
        if self._reranker is not None:
            parts.append(f"reranked {settings.reranker}@{self._reranker.digest[:8]}")
        return ", ".join(parts)


def _context(chunk: Chunk, rank: int, score: float) -> Context:
    return Context(chunk.id, chunk.text, rank, score, chunk.document, chunk.start, chunk.end)
