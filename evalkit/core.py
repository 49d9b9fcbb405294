"""The nouns of evaluation: what a task asks, what a model answers, what is written down.

This module imports nothing of evalkit's, so that everything else can import it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatRows = NDArray[np.float64]
    IntArray = NDArray[np.int64]


# ---------------------------------------------------------------- errors


class UsageError(Exception):
    """A mistake of the user's: what was wrong, what was found, what would work.

    The command line prints it without a traceback and exits with code 2.
    """

    def __init__(self, wrong: str, *, found: str = "", fix: str = "", at: str = "") -> None:
        self.wrong, self.found, self.fix, self.at = wrong, found, fix, at
        parts = [f"{at}: {wrong}" if at else wrong]
        if found:
            parts.append(f"  found: {found}")
        if fix:
            parts.append(f"  try:   {fix}")
        super().__init__("\n".join(parts))


class RunError(Exception):
    """A run that cannot be trusted or cannot go on (exit code 3); what is on disk is kept."""


# ---------------------------------------------------------------- data


@dataclass(frozen=True, slots=True)
class DataOptions:
    """Where data may come from. `mirror` maps a hub id to files: `<mirror>/<owner>/<name>/<config>/<split>.*`."""

    mirror: Path | None = None
    offline: bool = False
    skip_bad_rows: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was read. `id` is unique within the task's data; `origin` says where a person finds it."""

    id: str
    values: Mapping[str, Any]
    origin: str


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read, kept so that it is counted and named."""

    id: str
    origin: str
    problem: str


class OpenedSource(Protocol):
    """Data that was found: `digest` identifies its content, `count` is its number of rows where that is known."""

    @property
    def digest(self) -> str: ...
    @property
    def count(self) -> int | None: ...
    @property
    def facts(self) -> Mapping[str, str]:
        """What the manifest says of it: hub id, config, split, resolved commit, or the file's path."""
        ...

    def rows(self) -> Iterator[Row | BadRow]: ...


class Source(Protocol):
    """Data that has a name but was not looked for yet. Raises UsageError where it can't be had."""

    def open(self, options: DataOptions) -> OpenedSource: ...


@dataclass(frozen=True, slots=True)
class Subset:
    """Rows to ask, the rows few-shot examples are drawn from, and the groups every row counts towards."""

    rows: Source
    examples: Source | None = None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant", "tool"]
    content: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One thing to ask. `gold` indexes the right `choices`; samples of one `cluster` are not independent."""

    id: str
    input: str | tuple[Message, ...]
    targets: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    gold: tuple[int, ...] = ()
    cluster: str = ""
    groups: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


# ---------------------------------------------------------------- prompts and requests


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is put before a model, ahead of any chat template.

    `preamble` (description and few-shot examples) is kept apart from `question` because many samples share it:
    it is stored, tokenised and computed once. A conversation is given as `messages` instead.
    """

    question: str = ""
    preamble: str = ""
    messages: tuple[Message, ...] = ()

    @property
    def text(self) -> str:
        if self.messages:
            return "\n\n".join(m.content for m in self.messages)
        return self.preamble + self.question

    def as_messages(self) -> tuple[Message, ...]:
        return self.messages or (Message("user", self.preamble + self.question),)


@dataclass(frozen=True, slots=True)
class Generate:
    """Ask for `n` texts. `temperature` 0 is greedy; `seed` and `repeat` tell samples of one prompt apart."""

    prompt: Prompt
    max_tokens: int = 256
    stop: tuple[str, ...] = ("\n\n",)
    temperature: float = 0.0
    top_p: float = 1.0
    n: int = 1
    seed: int = 0
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class Choose:
    """Ask for the log-likelihood of every continuation after one context.

    `delimiter` stands before each continuation unless the prompt went through a chat template.
    """

    prompt: Prompt
    continuations: tuple[str, ...]
    delimiter: str = " "


@dataclass(frozen=True, slots=True)
class Perplexity:
    """Ask for the rolling log-likelihood of a whole text."""

    text: str


Request = Generate | Choose | Perplexity


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request.

    Generate: `texts` and `finish` ("stop", "eos" or "length"), n of each. Choose: `loglikelihoods` (nats, summed
    over the continuation's tokens) and `greedy`, one per continuation. Perplexity: one log-likelihood.
    """

    texts: tuple[str, ...] = ()
    finish: tuple[str, ...] = ()
    loglikelihoods: tuple[float, ...] = ()
    greedy: tuple[bool, ...] = ()
    usage: Usage = Usage()
    seconds: float = 0.0
    truncated_tokens: int = 0
    notes: tuple[str, ...] = ()
    rendered_digest: str = ""
    source: Literal["model", "cache"] = "model"


# ---------------------------------------------------------------- models


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one model from every other: `facts` are (name, value) pairs such as weights, tokenizer, dtype."""

    name: str
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def digest(self) -> str:
        return digest_of(self.name, *(f"{key}={value}" for key, value in sorted(self.facts)))


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a model can be asked. `chats` says that plain prompts, too, pass through a chat template."""

    requests: frozenset[type] = frozenset({Generate, Choose, Perplexity})
    chats: bool = False
    max_length: int | None = None
    window: int = 64
    """How many samples the runner keeps in flight so that the model's batches are full."""


class Model(Protocol):
    """Answers requests. A model may also have `facts`, a mapping of how it is computed here, for the manifest."""

    @property
    def identity(self) -> Identity: ...
    @property
    def capabilities(self) -> Capabilities: ...
    async def answer(self, request: Request) -> Reply:
        """Answer one request; raises ModelError where it can't."""
        ...

    async def close(self) -> None: ...


class ModelError(Exception):
    """A request that the backend could not answer; it fails one sample, never the run."""


# ---------------------------------------------------------------- outcomes


class Validity(StrEnum):
    """How a sample ended. Model outcomes count in n at the failure value; measurement failures leave n."""

    OK = "ok"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    LENGTH = "length"
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
    """One value of one sample with its reason; `answer` is what the scorer took the reply to say."""

    name: str
    value: float
    answer: str | None = None
    reason: str = ""
    validity: Validity = Validity.OK


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


# ---------------------------------------------------------------- what a task is made of


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one sample: the rendered prompt, and a seed that depends on (run seed, sample, repeat) alone."""

    sample: Sample
    prompt: Prompt
    repeat: int = 0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Method:
    """How a task asks. `settings` stand in the signature; `gold` makes the replies a perfect model would give."""

    name: str
    ask: Callable[[Attempt, Model], Awaitable[tuple[Reply, ...]]]
    gold: Callable[[Attempt], tuple[Reply, ...]]
    needs: frozenset[type]
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scorer:
    """Turns a sample's replies into scores. `scores` names what it yields; `version` grows when its values change."""

    name: str
    score: Callable[[Sample, tuple[Reply, ...]], Awaitable[tuple[Score, ...]]]
    scores: tuple[str, ...]
    metrics: tuple[Metric, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    version: int = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge decided, or why it could not (`validity` UNJUDGED)."""

    scores: tuple[Score, ...] = ()
    reason: str = ""
    validity: Validity = Validity.OK


@dataclass(frozen=True, slots=True)
class Judge:
    """Decides over one, two or many replies to one sample."""

    name: str
    verdict: Callable[[Sample, tuple[Reply, ...]], Awaitable[Verdict]]
    version: int = 1


@dataclass(frozen=True, slots=True)
class Metric:
    """Turns records into an estimate through small rows, so that a bootstrap never re-reads a record.

    observe: a record's sufficient statistics, `width` numbers, or None where the metric does not apply.
    estimate: (rows of shape (n, width), cluster numbers of shape (n,)) to an Estimate.
    """

    name: str
    observe: Callable[[Record], Sequence[float] | None]
    estimate: Callable[[FloatRows, IntArray], Estimate]
    width: int = 1
    higher_is_better: bool = True
    scale: Literal["share", "number"] = "share"


@dataclass(frozen=True, slots=True)
class PromptFormat:
    """How a sample becomes a prompt: description + k × (question + delimiter + answer + separator) + question."""

    question: Callable[[Sample], str]
    answer: Callable[[Sample], str]
    description: Callable[[Sample], str] = lambda sample: ""
    delimiter: str = " "
    separator: str = "\n\n"


FewshotOrder = Literal["first", "seeded", "lm-eval"]


@dataclass(frozen=True, slots=True)
class Fewshot:
    """How many worked examples stand before the question, and how they are picked (see evalkit.fewshot)."""

    k: int = 0
    order: FewshotOrder = "seeded"


@dataclass(frozen=True, slots=True)
class Task:
    """A benchmark: data, prompt, method, scorers. `version` grows when its numbers stop being comparable."""

    name: str
    data: tuple[Subset, ...]
    sample: Callable[[Row], Sample]
    prompt: PromptFormat
    method: Method
    scorers: tuple[Scorer, ...]
    metrics: tuple[Metric, ...] = ()
    fewshot: Fewshot = Fewshot()
    version: int = 1
    headline: str = ""
    """The metric that stands for the task in a table; the first one where empty."""


# ---------------------------------------------------------------- digests


def digest_of(*parts: str) -> str:
    """The 16-hex-digit digest of strings, each set apart by its length (so ("ab", "c") ≠ ("a", "bc"))."""
    hasher = hashlib.blake2b(digest_size=8)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        hasher.update(len(data).to_bytes(8, "little"))
        hasher.update(data)
    return hasher.hexdigest()


def is_number(value: float) -> bool:
    """Whether a score is usable: neither NaN nor infinite."""
    return math.isfinite(value)
