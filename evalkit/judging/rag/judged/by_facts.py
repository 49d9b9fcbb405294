"""A judge that finds out facts about a record and measures them: what every RAG metric has in common.

A metric that does not apply to a sample (an answer without claims, a sample without a reference) leaves n; a reply that
cannot be read leaves the sample unjudged, with the reason.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from evalkit.core import Judge, Model, Reply, Sample, Score, Verdict
from evalkit.judging import PromptText
from evalkit.judging.protocols import Decide, decided, judge_of, unjudged
from evalkit.judging.rag import formulas
from evalkit.judging.rag.judged.facts import Facts, UnjudgedError

_LESS = formulas.LOWER_IS_BETTER | {
    "intrinsic", "extrinsic", "failed", "failed_retrieval", "failed_ordering", "failed_generation"
}  # fmt: skip
Values = Mapping[str, float | None]
"""Scores by name; None where one does not apply."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """The two prompts that all metrics over claims share, so that one's answers serve the next."""

    claims: PromptText
    verdicts: PromptText

    @property
    def settings(self) -> dict[str, str]:
        return {"claims": self.claims.digest, "verdicts": self.verdicts.digest}


@dataclass(frozen=True, slots=True)
class Measured:
    """What a metric found: its values and what they rest on."""

    values: Values
    details: Mapping[str, Any]
    reason: str = ""


class MeasureFacts(Protocol):
    """From what a judge finds out about a record to the values of a metric, a class for each metric."""

    def __call__(self, facts: Facts, /) -> Awaitable[Measured]:
        """Raises UnjudgedError where a reply of the judge's cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class _DecideByFacts(Decide):
    name: str
    scores: tuple[str, ...]
    measure: MeasureFacts
    max_tokens: int

    async def __call__(self, model: Model, sample: Sample, replies: tuple[Reply, ...]) -> Verdict:
        facts = Facts.of(model, sample, replies, self.max_tokens)
        try:
            found = await self.measure(facts)
        except UnjudgedError as error:
            return unjudged(str(error), facts.asked)
        given = [Score(key, value, reason=found.reason) for key, value in found.values.items() if value is not None]
        verdict = decided(given, facts.asked)
        missing = frozenset(key for key in self.scores if found.values.get(key) is None)
        if not given:
            # Nothing applies, and yet what was found out is worth keeping.
            given = [Score(f"{self.name}_claims", 0.0, reason=found.reason or "not applicable")]
        given[0] = replace(given[0], details=found.details)
        return replace(verdict, scores=tuple(given), reason=found.reason, inapplicable=missing)


def metric_judge(
    name: str,
    scores: tuple[str, ...],
    measure: MeasureFacts,
    settings: Mapping[str, str],
    *,
    max_tokens: int = 4096,
) -> Judge:
    """A judge whose scores `measure` makes of a record's facts. The first score that applies holds the details."""
    return judge_of(
        name,
        _DecideByFacts(name, scores, measure, max_tokens),
        scores=scores,
        settings=settings,
        lower_is_better=_LESS & set(scores),
    )
