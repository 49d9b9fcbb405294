"""Chunks found by their words: BM25, computed by the package bm25s."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalkit.core import UsageError
from evalkit.core.distribution import pip_install
from evalkit.judging.rag.ranking import Hit, best

_WORD = re.compile(r"\w+")
_QUIET = {"show_progress": False}


@dataclass(frozen=True, slots=True)
class Bm25:
    """The two constants of BM25: how soon a word's repetitions stop to count, and how much a chunk's length does."""

    k1: float = 1.2
    b: float = 0.75

    def __post_init__(self) -> None:
        if self.k1 < 0 or not 0 <= self.b <= 1:
            raise UsageError("BM25 needs k1 ≥ 0 and b from 0 to 1", found=f"k1={self.k1:g}, b={self.b:g}")

    @property
    def words(self) -> str:
        return f"bm25 k1={self.k1:g} b={self.b:g} v1"


def words_of(text: str) -> list[str]:
    """The words of a text without case: runs of letters, digits and underscores. No stemming, no list of stop words."""
    return _WORD.findall(text.casefold())


class LexicalIndex:
    """Chunks by their words. The score is Lucene's BM25 (Robertson & Zaragoza 2009, with an idf that is never below 0):
    Σ over the query's words of ln(1 + (N - n + ½)/(n + ½)) · f/(f + k1·(1 - b + b·length/mean length))."""

    def __init__(self, searcher: Any, count: int) -> None:
        self._searcher, self._count = searcher, count

    @classmethod
    def of(cls, texts: Sequence[str], settings: Bm25) -> LexicalIndex:
        """Index texts. Raises UsageError without bm25s, and where no text has a word."""
        words = [words_of(text) for text in texts]
        if not any(words):
            raise UsageError("no chunk holds a word", found=f"{len(texts)} chunks", fix="documents with text")
        searcher = _package().BM25(
            method="lucene", k1=settings.k1, b=settings.b, dtype="float64", backend="numpy", auto_compile=False
        )
        searcher.index(words, **_QUIET)
        return cls(searcher, len(texts))

    def search(self, queries: Sequence[str], depth: int) -> list[list[Hit]]:
        """For each query the best `depth` chunks that share a word with it, best first; equals in the chunks' order."""
        return [self._one(query, depth) for query in queries]

    def _one(self, query: str, depth: int) -> list[Hit]:
        known = [word for word in words_of(query) if word in self._searcher.vocab_dict]
        if not known:
            return []
        scores = self._searcher.get_scores(known)
        return [hit for hit in best(scores, depth) if hit.score > 0]

    def save(self, folder: Path) -> None:
        self._searcher.save(str(folder), **_QUIET)

    @classmethod
    def load(cls, folder: Path, count: int) -> LexicalIndex:
        """The index that was saved. Raises ValueError where it is not of `count` chunks, and what bm25s raises."""
        searcher = _package().BM25.load(str(folder))
        if int(searcher.scores["num_docs"]) != count:
            raise ValueError(f"an index of {searcher.scores['num_docs']} chunks where {count} are wanted")
        return cls(searcher, count)


def _package() -> Any:
    try:
        import bm25s
    except ImportError as error:
        raise UsageError("BM25 needs bm25s", found=str(error), fix=pip_install("rag")) from None
    return bm25s
