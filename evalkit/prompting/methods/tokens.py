"""Tokens of a text: how many there are, and how likely each of them is."""

from __future__ import annotations

from evalkit.core import Attempt, Method, Model, Perplexity, Reply, Tokenize, Usage


def tokenize() -> Method:
    """Count the tokens of the prompt, special ones left out."""

    async def ask(attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        return (await model.answer(Tokenize(attempt.prompt.text)),)

    def gold(attempt: Attempt) -> tuple[Reply, ...]:
        # No tokenizer is perfect; one token a byte is one that works.
        return (Reply(usage=Usage(prompt_tokens=len(attempt.prompt.text.encode("utf-8", "surrogatepass")))),)

    return Method("tokenize", ask, gold, frozenset({Tokenize}))


def token_likelihoods() -> Method:
    """The log-likelihood of every token of the prompt, each predicted once from what stands before it."""

    async def ask(attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        return (await model.answer(Perplexity(attempt.prompt.text, tokens=True)),)

    def gold(attempt: Attempt) -> tuple[Reply, ...]:
        return (Reply(loglikelihoods=(0.0,), token_loglikelihoods=(0.0,)),)

    return Method("token_likelihoods", ask, gold, frozenset({Perplexity}), features=frozenset({"tokens"}))


def nothing() -> Method:
    """Ask nothing: for scorers that look at the sample alone."""

    async def ask(attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        return ()

    return Method("nothing", ask, lambda attempt: (), frozenset())
