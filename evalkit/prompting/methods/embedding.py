"""Vectors of a sample's texts, and documents ranked by them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from evalkit.core import AskModel, Attempt, Embed, Method, Model, Reply, Sample, UsageError, Vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Documents = Callable[[], Iterable[tuple[str, str]]]
"""(id, text) of every document, anew at each call."""


def _texts(attempt: Attempt) -> tuple[str, ...]:
    found = attempt.sample.data.get("texts")
    return tuple(map(str, found)) if found else (attempt.prompt.text,)


@dataclass(frozen=True, slots=True)
class _Embed(AskModel):
    vectors_of: Callable[[Sample], Sequence[Sequence[float]]] | None

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        return (await model.answer(Embed(_texts(attempt))),)

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        import numpy as np

        rows = self.vectors_of(attempt.sample) if self.vectors_of else [[1.0]] * len(_texts(attempt))
        return (Reply(vectors=Vectors.of(np.array(rows, np.float32))),)


def embed(*, gold: Callable[[Sample], Sequence[Sequence[float]]] | None = None) -> Method:
    """Ask for a vector of each of `sample.data["texts"]`, or of the prompt where the sample has none.

    `gold` gives the vectors of a perfect model (for `evalkit check`); without it all of them are alike.
    """

    way = _Embed(gold)
    return Method("embed", way, way.gold, frozenset({Embed}))


@dataclass(frozen=True, slots=True)
class _Retrieve(AskModel):
    collection: _EmbeddedDocuments
    depth: int
    similarity: str

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        query = await model.answer(Embed((attempt.prompt.text,), "query"))
        index = await self.collection.index(model)
        vector = _rows(query, self.similarity)[0]
        found = await asyncio.to_thread(index.nearest, vector, self.depth, attempt.sample.id)
        return (replace(query, texts=(_listed(found),), finish=("stop",)),)

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        relevance = attempt.sample.data["relevance"]
        best = sorted(relevance, key=lambda document: (-relevance[document], document))
        return (Reply(texts=(_listed(best),), finish=("stop",)),)


def retrieve(documents: Documents, *, depth: int = 100, similarity: Literal["cosine", "dot"] = "cosine") -> Method:
    """Rank all documents by the similarity of their vector to the query's; the reply's text is a JSON list of ids.

    The documents are embedded once a model, when the first query is asked. Equal similarities are ordered by id,
    the last first, as trec_eval orders them. A document whose id is the query's is left out, as BEIR leaves it out.
    """
    if depth < 1:
        raise UsageError("a ranking has at least 1 document", found=f"depth={depth}", fix="depth=100")
    way = _Retrieve(_EmbeddedDocuments(documents, similarity), depth, similarity)

    settings = {"depth": str(depth), "similarity": similarity}
    return Method("retrieve", way, way.gold, frozenset({Embed}), settings)


@dataclass(frozen=True, slots=True)
class _Index:
    """Documents ready to be searched: ids in ascending order, with their vectors (n, dimension)."""

    ids: tuple[str, ...]
    vectors: NDArray[np.float32]

    def nearest(self, query: NDArray[np.float32], depth: int, without: str) -> tuple[str, ...]:
        import numpy as np

        values = self.vectors @ query
        wanted = min(depth + 1, len(values))
        # Everything that ties with the last one wanted takes part, so that ids alone decide among equals.
        border = np.partition(values, len(values) - wanted)[len(values) - wanted]
        places = np.flatnonzero(values >= border)
        order = places[np.lexsort((-places, -values[places]))]
        return tuple(self.ids[place] for place in order if self.ids[place] != without)[:depth]


class _EmbeddedDocuments:
    """The documents of a task, embedded by the model that asked last. Serves one event loop after another."""

    def __init__(self, documents: Documents, similarity: str) -> None:
        self._documents, self._similarity = documents, similarity
        self._owner = ""
        self._making: asyncio.Task[_Index] | None = None

    async def index(self, model: Model) -> _Index:
        """The index of this model; raises ModelError where a document can't be embedded."""
        owner = model.identity.digest
        making, loop = self._making, asyncio.get_running_loop()
        if making is None or owner != self._owner or (making.get_loop() is not loop and not _has_result(making)):
            self._owner, making = owner, loop.create_task(self._make(model))
            self._making = making
        return making.result() if making.done() else await asyncio.shield(making)

    async def _make(self, model: Model) -> _Index:
        import numpy as np

        ids: list[str] = []
        rows: list[NDArray[np.float32]] = []
        left: Iterator[tuple[str, str]] = iter(self._documents())
        # A window at a time, so that a large collection does not become as many coroutines.
        while batch := list(islice(left, max(1, model.capabilities.window))):
            replies = await asyncio.gather(*(model.answer(Embed((text,), "document")) for _, text in batch))
            ids += [document for document, _ in batch]
            rows.append(np.concatenate([_rows(reply, self._similarity) for reply in replies]))
        if not ids:
            raise ValueError("the collection has no documents")
        order = sorted(range(len(ids)), key=ids.__getitem__)
        return _Index(tuple(ids[place] for place in order), np.concatenate(rows)[order])


def _listed(documents: Sequence[str]) -> str:
    return json.dumps(list(documents), ensure_ascii=False)


def _has_result(making: asyncio.Task[_Index]) -> bool:
    """Whether what another event loop began has come to something; what failed there is tried again here."""
    return making.done() and not making.cancelled() and making.exception() is None


def _rows(reply: Reply, similarity: str) -> NDArray[np.float32]:
    if reply.vectors is None:
        raise ValueError("the model gave no vectors")
    vectors = reply.vectors.array()
    return unit(vectors) if similarity == "cosine" else vectors


def unit(vectors: Any) -> Any:
    """Vectors of length 1, of shape (n, dimension); one of zeros stays."""
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1.0)
