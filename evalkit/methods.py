"""How a task asks: the likelihood of choices, a generated text, or the likelihood of a whole text."""

from __future__ import annotations

from collections.abc import Callable

from evalkit.core import (
    Attempt,
    Choose,
    Generate,
    Method,
    Model,
    Perplexity,
    Prompt,
    Reply,
    Sample,
    UsageError,
)

CHOICE_FAR_BELOW = -1e9


def choose(*, delimiter: str = " ", unconditional: bool = False) -> Method:
    """Score every choice as a continuation of the prompt.

    One request carries the context once and all its choices. `unconditional` asks a second time with an empty
    context, for accuracy by mutual information. `delimiter` stands before each choice (not after a chat template).
    """

    async def ask(attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        sample = attempt.sample
        if not sample.choices:
            raise UsageError(f"sample {sample.id!r} has no choices", fix="give the task `choices`")
        reply = await model.answer(Choose(attempt.prompt, sample.choices, delimiter))
        if not unconditional:
            return (reply,)
        return reply, await model.answer(Choose(Prompt(), sample.choices, delimiter))

    def gold(attempt: Attempt) -> tuple[Reply, ...]:
        right = set(attempt.sample.gold)
        values = tuple(0.0 if i in right else CHOICE_FAR_BELOW for i in range(len(attempt.sample.choices)))
        reply = Reply(loglikelihoods=values, greedy=tuple(i in right for i in range(len(values))))
        blank = Reply(loglikelihoods=(0.0,) * len(values), greedy=(False,) * len(values))
        return (reply, blank) if unconditional else (reply,)

    settings = {"unconditional": "yes"} if unconditional else {}
    if delimiter != " ":
        settings["delimiter"] = delimiter
    return Method("choose", ask, gold, frozenset({Choose}), settings)


def generate(
    *,
    max_tokens: int = 256,
    stop: tuple[str, ...] = ("\n\n",),
    temperature: float = 0.0,
    top_p: float = 1.0,
    n: int = 1,
    gold: Callable[[Sample], str] | None = None,
) -> Method:
    """Let the model write `n` texts of at most `max_tokens` tokens, each ended by the first of the `stop` strings.

    `gold` says what a perfect reply to a sample looks like (for `evalkit check`); its first target by default.
    """
    if max_tokens < 1 or n < 1:
        raise UsageError("max_tokens and n must be at least 1", found=f"max_tokens={max_tokens}, n={n}")
    if temperature == 0.0 and n > 1:
        raise UsageError(f"{n} greedy samples would all be the same", fix="set temperature above 0")

    async def ask(attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        request = Generate(
            attempt.prompt,
            max_tokens=max_tokens,
            stop=tuple(stop),
            temperature=temperature,
            top_p=top_p,
            n=n,
            # A greedy text does not depend on a seed; leaving it out lets runs of other seeds share the cache.
            seed=attempt.seed if temperature > 0 else 0,
            repeat=attempt.repeat,
        )
        return (await model.answer(request),)

    def perfect(attempt: Attempt) -> tuple[Reply, ...]:
        targets = attempt.sample.targets
        text = gold(attempt.sample) if gold else (targets[0] if targets else "")
        return (Reply(texts=(text,) * n, finish=("stop",) * n),)

    sampling = "greedy" if temperature == 0.0 else f"t={temperature:g},top_p={top_p:g},n={n}"
    settings = {"sampling": sampling, "max_tokens": str(max_tokens), "stop": repr(tuple(stop))}
    return Method("generate", ask, perfect, frozenset({Generate}), settings)


def rolling() -> Method:
    """Score a whole text by rolling windows; the prompt's question is the text."""

    async def ask(attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        return (await model.answer(Perplexity(attempt.prompt.text)),)

    def gold(attempt: Attempt) -> tuple[Reply, ...]:
        return (Reply(loglikelihoods=(0.0,), greedy=(True,)),)

    return Method("rolling", ask, gold, frozenset({Perplexity}))


_METHODS: dict[str, Callable[..., Method]] = {"choose": choose, "generate": generate, "perplexity": rolling}


def names() -> tuple[str, ...]:
    """The methods that a YAML task can name."""
    return tuple(_METHODS)


def by_name(name: str, **settings: object) -> Method:
    """The method of that name; raises UsageError for an unknown name or setting."""
    if name not in _METHODS:
        raise UsageError(f"no method named {name!r}", fix="one of " + ", ".join(_METHODS))
    try:
        return _METHODS[name](**settings)
    except TypeError as error:
        raise UsageError(f"method {name!r} cannot take these settings", found=str(error)) from None
