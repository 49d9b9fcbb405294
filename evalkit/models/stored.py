"""Answers that were made elsewhere: a model that is never asked, so that no other model's name stands over them."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.core import Capabilities, Identity, Model, ModelError, Reply, Request, UsageError

__all__ = ["StoredAnswer", "stored"]


class StoredAnswer:
    """What a method needs that hands over the answer a sample brings along, and asks no model."""


class _Stored:
    def __init__(self, name: str) -> None:
        self.identity = Identity(f"stored/{name}" if name else "stored")
        self.capabilities = Capabilities(requests=frozenset({StoredAnswer}), window=1024)

    async def answer(self, request: Request) -> Reply:
        raise ModelError("stored answers are not asked for; the task must bring them")

    async def close(self) -> None: ...


def stored(name: str, options: Mapping[str, str]) -> Model:
    """`stored/NAME`, where NAME says who answered. Raises UsageError for any option."""
    if options:
        raise UsageError("stored answers have no options", found=", ".join(options), fix="stored/<who answered>")
    return _Stored(name)
