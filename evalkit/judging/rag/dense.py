"""Chunks found by the vectors of an embedding model, compared with every one of them by FAISS."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from evalkit.core import Embed, Model, ModelError, UsageError
from evalkit.core.distribution import pip_install
from evalkit.judging.rag.ranking import Hit
from evalkit.prompting.methods.embedding import unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_T = TypeVar("_T")


class DenseIndex:
    """Chunks by cosine, in FAISS's exact flat index: nothing is approximated."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def of(cls, vectors: NDArray[np.float32]) -> DenseIndex:
        """An index of vectors of length 1, of shape (n, dimension)."""
        index = _package().IndexFlatIP(vectors.shape[1])
        index.add(vectors)
        return cls(index)

    def search(self, queries: NDArray[np.float32], depth: int) -> list[list[Hit]]:
        """For each query's vector (length 1) the nearest `depth` chunks, best first; equals in the chunks' order."""
        if queries.shape[1] != self._index.d:
            raise ValueError(f"queries of dimension {queries.shape[1]} in an index of dimension {self._index.d}")
        scores, places = self._index.search(queries, min(depth, self._index.ntotal))
        return [
            sorted((Hit(int(p), float(s)) for p, s in zip(*row, strict=True)), key=lambda hit: (-hit.score, hit.chunk))
            for row in zip(places, scores, strict=True)
        ]

    def save(self, folder: Path) -> None:
        _package().write_index(self._index, str(folder / "vectors.faiss"))

    @classmethod
    def load(cls, folder: Path, count: int) -> DenseIndex:
        """The index that was saved. Raises ValueError where it is not of `count` chunks, and what FAISS raises."""
        index = _package().read_index(str(folder / "vectors.faiss"))
        if index.ntotal != count:
            raise ValueError(f"an index of {index.ntotal} chunks where {count} are wanted")
        return cls(index)


def vectors_of(model: Model, texts: Sequence[str], role: Literal["query", "document"]) -> NDArray[np.float32]:
    """The vectors of texts, each of length 1, of shape (n, dimension). Blocks, and works while an event loop runs.

    Raises UsageError for a model that embeds nothing and for a text that it cannot embed.
    """
    if Embed not in model.capabilities.requests:
        raise UsageError(f"{model.identity.name} is not an embedding model", fix="embedder=st/<repo or path>")
    try:
        return _apart(lambda: _all(model, texts, role))
    except ModelError as error:
        raise UsageError("a text cannot be embedded", found=str(error), at=model.identity.name) from None


def closed(model: Model) -> None:
    """Close a model. Blocks, and works while an event loop runs."""
    _apart(model.close)


def _apart(work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """What the coroutine returns, run by an event loop in a separate thread."""
    with ThreadPoolExecutor(1, thread_name_prefix="evalkit-embed") as thread:
        return thread.submit(lambda: asyncio.run(work())).result()


async def _all(model: Model, texts: Sequence[str], role: Literal["query", "document"]) -> NDArray[np.float32]:
    import numpy as np

    window = max(1, model.capabilities.window)
    rows = []
    # A window at a time, so that a large collection does not become as many coroutines.
    for start in range(0, len(texts), window):
        batch = texts[start : start + window]
        for reply in await asyncio.gather(*(model.answer(Embed((text,), role)) for text in batch)):
            if reply.vectors is None:
                raise ModelError("the model gave no vectors")
            rows.append(reply.vectors.array())
    return np.ascontiguousarray(unit(np.concatenate(rows)), dtype=np.float32)


def _package() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise UsageError("dense retrieval needs FAISS", found=str(error), fix=pip_install("rag")) from None
    return faiss
