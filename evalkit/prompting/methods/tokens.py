"""Tokens of a text: how many there are, and how likely each of them is."""

from __future__ import annotations

from dataclasses import dataclass

from evalkit.core import AskModel, Attempt, Method, Model, Perplexity, Reply, Tokenize, Usage


@dataclass(frozen=True, slots=True)
class _Tokenize(AskModel):
    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        return (await model.answer(Tokenize(attempt.prompt.text)),)

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        # No tokenizer is perfect; one token a byte is one that works.
        return (Reply(usage=Usage(prompt_tokens=len(attempt.prompt.text.encode("utf-8", "surrogatepass")))),)


def tokenize() -> Method:
    """Count the tokens of the prompt, special ones left out."""
    way = _Tokenize()
    return Method("tokenize", way, way.gold, frozenset({Tokenize}))


@dataclass(frozen=True, slots=True)
class _TokenLikelihoods(AskModel):
    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        return (await model.answer(Perplexity(attempt.prompt.text, tokens=True)),)

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        return (Reply(loglikelihoods=(0.0,), token_loglikelihoods=(0.0,)),)


def token_likelihoods() -> Method:
    """Ask for the log-likelihood of every token of the prompt, each predicted once from the tokens before it."""
    way = _TokenLikelihoods()
    return Method("token_likelihoods", way, way.gold, frozenset({Perplexity}), features=frozenset({"tokens"}))


@dataclass(frozen=True, slots=True)
class _Nothing(AskModel):
    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        return ()


def nothing() -> Method:
    """Ask nothing: for scorers that look at the sample alone."""

    return Method("nothing", _Nothing(), lambda attempt: (), frozenset())
