"""How near two texts are: by an embedding model, or by their words where none is given."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol

from evalkit.core import Embed, Model, UsageError
from evalkit.judging.rag.formulas import cosine
from evalkit.judging.rag.support.wording import tokens


class Vectors(Protocol):
    """Texts to one vector each, all of one length."""

    def __call__(self, texts: Sequence[str], /) -> Awaitable[list[list[float]]]: ...


@dataclass(frozen=True, slots=True)
class _Embedded(Vectors):
    model: Model

    async def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        replies = await asyncio.gather(*(self.model.answer(Embed((text,))) for text in texts))
        return [[float(x) for x in reply.vectors.array()[0]] for reply in replies if reply.vectors is not None]


def vectors_by(embedder: str) -> Vectors:
    """Vectors of the embedding model of that spec; without one, counts of word stems, which see no paraphrase.

    Raises UsageError for a model that embeds nothing.
    """
    if not embedder:
        return by_words
    from evalkit import models

    model: Model = models.resolve(embedder)
    if Embed not in model.capabilities.requests:
        raise UsageError(f"{embedder} is not an embedding model", fix="embedder=st/<repo or path>")
    return _Embedded(model)


async def by_words(texts: Sequence[str]) -> list[list[float]]:
    """Counts of the stems of content words and of numbers."""
    counts = [Counter(t.stem for t in tokens(text) if t.content or t.number is not None) for text in texts]
    words = sorted({word for count in counts for word in count})
    return [[float(count[word]) for word in words] for count in counts]


async def near(vectors: Vectors, one: str, two: str) -> float:
    """The cosine of two texts."""
    found = await vectors((one, two))
    return cosine(found[0], found[1])
