"""A text that the model writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evalkit.core import AskModel, Attempt, Generate, Method, Model, Reply, Sample, UsageError
from evalkit.prompting.methods.stops import checked_stops


@dataclass(frozen=True, slots=True)
class _Generate(AskModel):
    max_tokens: int
    stop: tuple[str, ...]
    temperature: float
    top_p: float
    n: int
    text_of: Callable[[Sample], str] | None

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        request = Generate(
            attempt.prompt,
            max_tokens=self.max_tokens,
            stop=self.stop,
            temperature=self.temperature,
            top_p=self.top_p,
            n=self.n,
            # A greedy text does not depend on a seed; leaving it out lets runs of other seeds share the cache.
            seed=attempt.seed if self.temperature > 0 else 0,
            repeat=attempt.repeat,
        )
        return (await model.answer(request),)

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        targets = attempt.sample.targets
        text = self.text_of(attempt.sample) if self.text_of else (targets[0] if targets else "")
        return (Reply(texts=(text,) * self.n, finish=("stop",) * self.n),)


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

    stop = checked_stops(stop)
    way = _Generate(max_tokens, stop, temperature, top_p, n, gold)
    sampling = "greedy" if temperature == 0.0 else f"t={temperature:g},top_p={top_p:g},n={n}"
    settings = {"sampling": sampling, "max_tokens": str(max_tokens), "stop": repr(stop)}
    return Method("generate", way, way.gold, frozenset({Generate}), settings)
