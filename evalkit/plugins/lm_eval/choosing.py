"""A method for tasks of which only a row says whether its choices are continuations or contexts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from evalkit.core import AskModel, Attempt, Method, Model, Reply, Sample
from evalkit.prompting.methods import choose, choose_contexts

__all__ = ["by_choices_or_contexts", "is_by_contexts"]


@dataclass(frozen=True, slots=True)
class _Either(AskModel):
    choices: Method
    contexts: Method

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        return await self._of(attempt.sample).ask(attempt, model)

    def gold(self, attempt: Attempt) -> tuple[Reply, ...]:
        return self._of(attempt.sample).gold(attempt)

    def _of(self, sample: Sample) -> Method:
        return self.contexts if is_by_contexts(sample) else self.choices


def is_by_contexts(sample: Sample) -> bool:
    """Whether choices are contexts: the target is then what follows each of them, and the question is empty."""
    return sample.input == "" and sample.targets != tuple(sample.choices[place] for place in sample.gold)


def by_choices_or_contexts(delimiter: str, *, unconditional: bool) -> Method:
    """`choose`, or `choose_contexts` for samples whose choices are contexts of one continuation."""
    asked = choose(delimiter=delimiter, unconditional=unconditional)
    way = _Either(asked, choose_contexts(delimiter=delimiter))
    return replace(asked, ask=way, gold=way.gold)
