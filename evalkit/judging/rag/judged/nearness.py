"""How near two texts are: by an embedding model, or by their words where none is given."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from evalkit.core import Embed, Model, UsageError
from evalkit.judging.rag.formulas import cosine
from evalkit.judging.rag.support.wording import tokens

Vectors = Callable[[Sequence[str]], Awaitable[list[list[float]]]]
"""Texts to one vector each, all of one length."""


def vectors_by(embedder: str) -> Vectors:
    """Vectors of the embedding model of that spec; without one, counts of word stems, which see no paraphrase.

    Raises UsageError for a model that embeds nothing.
    """
    if not embedder:
        return by_words
    from evalkit import models

    model: Model = models.resolve(embedder)
    if Embed not in model.capabilities.requests:
        raise UsageError(f"{embedder} is no embedding model", fix="embedder=st/<repo or path>")

    async def ask(texts: Sequence[str]) -> list[list[float]]:
        replies = await asyncio.gather(*(model.answer(Embed((text,))) for text in texts))
        return [[float(x) for x in reply.vectors.array()[0]] for reply in replies if reply.vectors is not None]

    return ask


async def by_words(texts: Sequence[str]) -> list[list[float]]:
    """Counts of the stems of content words and of numbers."""
    counts = [Counter(t.stem for t in tokens(text) if t.content or t.number is not None) for text in texts]
    words = sorted({word for count in counts for word in count})
    return [[float(count[word]) for word in words] for count in counts]


async def near(vectors: Vectors, one: str, two: str) -> float:
    """The cosine of two texts."""
    found = await vectors((one, two))
    return cosine(found[0], found[1])
