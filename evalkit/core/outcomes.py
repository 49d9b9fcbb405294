"""What became of a sample, and what all of them say: scores, records, estimates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from evalkit.core.data import Sample
from evalkit.core.prompts import Prompt, Reply


class Validity(StrEnum):
    """How a sample ended. Model outcomes count in n at the failure value; measurement failures leave n."""

    OK = "ok"
    NO_ANSWER = "no_answer"
    UNREADABLE = "unreadable"
    REFUSED = "refused"
    LENGTH = "length"
    CUT_THOUGHT = "cut_thought"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    DATA_ERROR = "data_error"
    BACKEND_ERROR = "backend_error"
    SCORER_ERROR = "scorer_error"
    SANDBOX_ERROR = "sandbox_error"
    UNJUDGED = "unjudged"

    @property
    def is_measurement_failure(self) -> bool:
        return self in _MEASUREMENT_FAILURES


_MEASUREMENT_FAILURES = frozenset(
    {
        Validity.DATA_ERROR,
        Validity.BACKEND_ERROR,
        Validity.SCORER_ERROR,
        Validity.SANDBOX_ERROR,
        Validity.UNJUDGED,
    }
)


@dataclass(frozen=True, slots=True)
class Failure:
    """The stage that failed and why."""

    stage: Literal["data", "prompt", "model", "score"]
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Score:
    """One value of one sample with its reason; `answer` is what the scorer took the reply to say.

    `counts` are what a metric of the whole corpus needs of this sample (matches of n-grams, lengths): sums of them,
    never texts, are what it is made of.
    """

    name: str
    value: float
    answer: str | None = None
    reason: str = ""
    validity: Validity = Validity.OK
    counts: tuple[float, ...] = ()
    flags: tuple[str, ...] = ()
    """What a reader of the record should know; written down among the record's flags."""
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What the value rests on, as JSON, for reports and for scoring again: a judge's "transcript", the "claims" and
    "sentences" of an answer with their evidence, a "diagnosis", the "programs" that ran."""


@dataclass(frozen=True, slots=True)
class Record:
    """One sample's outcome as it is written down. `index` is its place in the data, so order can be restored."""

    task: str
    index: int
    sample: Sample
    repeat: int = 0
    prompt: Prompt | None = None
    replies: tuple[Reply, ...] = ()
    scores: tuple[Score, ...] = ()
    validity: Validity = Validity.OK
    failure: Failure | None = None
    flags: tuple[str, ...] = ()
    prompt_digest: str = ""
    sample_digest: str = ""
    seconds: float = 0.0
    cost: float | None = None

    @property
    def key(self) -> tuple[str, str, int]:
        return (self.task, self.sample.id, self.repeat)

    def value(self, score: str) -> float | None:
        """The value of the score of that name, or None."""
        return next((s.value for s in self.scores if s.name == score), None)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric's value with its interval. `n` counts samples, `how` names the method ("t", "wilson", "bootstrap")."""

    value: float
    low: float
    high: float
    n: int
    how: str
    confidence: float = 0.95
