"""The likelihood of a whole text."""

from __future__ import annotations

from evalkit.core import Attempt, Method, Model, Perplexity, Reply


def rolling() -> Method:
    """Score a whole text by rolling windows; the prompt's question is the text."""

    async def ask(attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        return (await model.answer(Perplexity(attempt.prompt.text)),)

    def gold(attempt: Attempt) -> tuple[Reply, ...]:
        return (Reply(loglikelihoods=(0.0,), greedy=(True,)),)

    return Method("rolling", ask, gold, frozenset({Perplexity}))
