"""The likelihood of a whole text."""

from __future__ import annotations

from dataclasses import dataclass

from evalkit.core import AskModel, Attempt, Method, Model, Perplexity, Reply, UsageError


@dataclass(frozen=True, slots=True)
class _Perplexity(AskModel):
    tokens: bool
    stride: int | None

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        longest = model.capabilities.max_length
        if self.stride is not None and longest is not None and self.stride >= longest:
            wrong = f"the stride must be less than the {longest} tokens that the model reads"
            raise UsageError(wrong, found=f"stride={self.stride}", fix=f"stride={max(1, longest // 2)}")
        return (await model.answer(Perplexity(attempt.prompt.text, self.tokens, self.stride)),)

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        return (Reply(loglikelihoods=(0.0,), greedy=(True,)),)


def perplexity(*, stride: int | None = None, tokens: bool = False) -> Method:
    """Score a whole text by rolling windows; the prompt's question is the text.

    Windows are disjoint and know one token before them, as in lm-evaluation-harness. With a `stride`, a window as long
    as the model reads moves by that many tokens. All but a text's first tokens then have the rest of the window before
    them, as in transformers' guide to perplexity and on many model cards. It is slower by length / stride, the
    perplexity is lower, and the two do not compare. With `tokens`, the record also keeps the log-likelihood of every
    token, so that two models with one tokenizer compare token by token.

    Raises UsageError for a stride below 1, and where it is no shorter than what the model reads.
    """
    if stride is not None and stride < 1:
        raise UsageError("a stride is a number of tokens, 1 or more", found=f"stride={stride}")

    way = _Perplexity(tokens, stride)
    needs = frozenset({Perplexity})
    settings = {"stride": str(stride)} if stride is not None else {}
    features = frozenset(settings) | (frozenset({"tokens"}) if tokens else frozenset())
    if tokens:
        settings["tokens"] = "yes"
    return Method("rolling" if stride is None else "rolling-strided", way, way.gold, needs, settings, features)
