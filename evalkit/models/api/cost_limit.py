"""A model that may cost so much and no more: it stops a run before a request that could go beyond."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from evalkit.core import (
    IMAGE_TOKENS,
    Choose,
    Embed,
    Generate,
    Model,
    Perplexity,
    Reply,
    Request,
    RunError,
    Usage,
    UsageError,
)
from evalkit.models.api.prices import Price
from evalkit.models.wrapper import Wrapper

__all__ = ["at_most", "expected", "price_of_model"]

_CHARACTERS_A_TOKEN = 3.0
"""A cautious guess: English has four, other languages and code fewer."""


def price_of_model(model: Model) -> Price | None:
    """What a model's tokens cost; a local one is free, an API model without a known price has None."""
    free = Price(0.0, 0.0, 0.0, 0.0)
    found: Price | None = getattr(model, "price", free)
    return found


def at_most(model: Model, dollars: float) -> Model:
    """`model` that refuses, with RunError, what could bring its cost above `dollars`.

    What is under way is finished first: a request waits while others hold money that they may not need. Raises
    UsageError where no price is known.
    """
    price = price_of_model(model)
    if price is None:
        raise UsageError(
            f"--max-cost needs a price, and none is known for {model.identity.name}",
            fix="price=0.15/0.60 (dollars per million tokens, input/output), or a table in EVALKIT_PRICES",
        )
    return model if price.is_free else _Limited(model, price, dollars)


def expected(request: Request) -> Usage:
    """The most tokens that a request may use, guessed from its characters: more than most do."""
    if isinstance(request, Generate):
        shown = len(request.prompt.images) * IMAGE_TOKENS
        return Usage(request.n * (_tokens(request.prompt.text) + shown), request.n * request.max_tokens)
    if isinstance(request, Choose):
        context = len(request.prompt.text)
        return Usage(
            sum(_tokens_of(context + len(text) + 1) for text in request.continuations), len(request.continuations)
        )
    if isinstance(request, Perplexity):
        return Usage(_tokens(request.text), 1)
    if isinstance(request, Embed):
        return Usage(sum(map(_tokens, request.texts)))
    return Usage()


def _tokens(text: str) -> int:
    return _tokens_of(len(text))


def _tokens_of(characters: int) -> int:
    return int(characters / _CHARACTERS_A_TOKEN) + 8


class _Limited(Wrapper):
    def __init__(self, model: Model, price: Price, dollars: float) -> None:
        super().__init__(model)
        self._price = price
        self._most = dollars
        self._held = 0.0
        self._under_way = 0
        self.spent = 0.0
        self._changed: asyncio.Condition | None = None

    @property
    def facts(self) -> Mapping[str, str]:
        return {**super().facts, "spent": f"{self.spent:.6f} US dollars"}

    async def answer(self, request: Request) -> Reply:
        most = self._price.cost(expected(request))
        changed = self._changed = self._changed or asyncio.Condition()
        async with changed:
            while self.spent + self._held + most > self._most:
                if self._under_way == 0:
                    raise RunError(
                        f"the cost limit is reached: {self.spent:.4f} of {self._most:g} US dollars are spent,"
                        f" and the next request may cost {most:.4f}.\n"
                        "  try:   evalkit run --resume RUN --max-cost DOLLARS"
                    )
                await changed.wait()
            self._held += most
            self._under_way += 1
        reply: Reply | None = None
        try:
            reply = await self._model.answer(request)
            return reply
        finally:
            async with changed:
                self._held -= most
                self._under_way -= 1
                # What failed may have been paid for all the same; nobody can tell, so it is not counted.
                self.spent += (reply.usage.cost or 0.0) if reply is not None else 0.0
                changed.notify_all()
