"""A task whose replies are there already: its method hands over what a file holds for each sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from evalkit.core import (
    AskModel,
    Attempt,
    Capabilities,
    Choose,
    Generate,
    Identity,
    Method,
    Metric,
    Model,
    ModelError,
    NoAnswerError,
    Perplexity,
    Reply,
    Request,
    Task,
    Usage,
    UsageError,
    digest_of,
)
from evalkit.models.replies.answer import read_answer, reply_of
from evalkit.models.replies.markers import ANY
from evalkit.runs.responses.matching import Matched
from evalkit.runs.responses.rows import Response

__all__ = ["Missing", "ResponsesModel", "as_written", "name_of", "with_responses"]

Missing: TypeAlias = Literal["refuse", "out", "wrong"]
_SHOWN = 5


class ResponsesModel:
    """Stands where the runner wants a model. Its identity is what the files hold."""

    capabilities = Capabilities(frozenset({Generate, Choose, Perplexity}))

    def __init__(self, name: str, responses: Sequence[Response]) -> None:
        content = digest_of(*(f"{one.ids}{one.questions}{one.texts}{one.failure}" for one in responses))
        self.identity = Identity(f"responses/{name}", (("content", content),), fixed=True)

    async def answer(self, request: Request) -> Reply:
        raise ModelError("the responses come from a file")

    async def close(self) -> None: ...


def as_written(task: Task) -> Task:
    """The task as a model that only writes text is asked it; UsageError where it cannot be asked so."""
    if task.method.needs <= {Generate}:
        return task
    if task.method.adapt is None:
        raise UsageError(
            f"{task.name} weighs log-likelihoods, which a text does not have",
            fix="a log of lm-eval with its log-likelihoods, or a task that reads texts",
        )
    return task.method.adapt(task, Capabilities(requests=frozenset({Generate})))


def with_responses(
    task: Task, attempts: Sequence[Attempt], matched: Matched, missing: Missing, *, first: bool, place: str
) -> tuple[Task, int]:
    """The task with the responses for replies, and how many texts each sample has.

    A sample with several texts is scored on all of them together where the task counts pass@k, else a repeat each.
    Raises UsageError for samples without a response where that is refused, and for unequal numbers of texts.
    """
    ids = list(dict.fromkeys(attempt.sample.id for attempt in attempts))
    without = [name for name in ids if name not in matched.of]
    if without and missing == "refuse":
        raise UsageError(
            f"{len(without):,} of {len(ids):,} samples have no response in {place}",
            found=", ".join(without[:_SHOWN]) + ("…" if len(without) > _SHOWN else ""),
            fix="--missing wrong counts them as wrong, --missing out leaves them out; neither compares with a full run",
        )
    together = any(metric.name.startswith("pass@") for metric in metrics_of(task))
    stored = {name: _of_sample(found, first) for name, found in matched.of.items()}
    counts = {len(found.texts) for found in stored.values() if found.texts}
    if len(counts) > 1 and not together:
        raise UsageError(
            f"samples have from {min(counts)} to {max(counts)} texts, so repeats would be of different samples",
            found=place,
            fix="--texts first takes one of each",
        )
    repeats = 1 if together else max(counts, default=1)
    kind = _Stored(stored, missing, repeats > 1)
    method = Method(f"stored-{task.method.name}", kind, task.method.gold, frozenset(), {"sampling": "stored"})
    return replace(task, method=method), max(counts, default=1) if together else repeats


def metrics_of(task: Task) -> tuple[Metric, ...]:
    """The metrics that a task reports: its own, or those of its scorers."""
    return task.metrics or tuple(metric for scorer in task.scorers for metric in scorer.metrics)


@dataclass(frozen=True, slots=True)
class _Answers:
    """What the files hold for one sample; `replies` where a log of another harness had them."""

    texts: tuple[str, ...]
    replies: tuple[Reply, ...]
    failure: str


def _of_sample(found: Sequence[Response], first: bool) -> _Answers:
    texts = tuple(text for one in found for text in one.texts)
    replies = found[0].replies if len(found) == 1 else ()
    failure = next((one.failure for one in found if one.failure), "")
    return _Answers(texts[:1] if first else texts, replies, "" if texts or replies else failure)


@dataclass(frozen=True, slots=True)
class _Stored(AskModel):
    answers: Mapping[str, _Answers]
    missing: Missing
    by_repeat: bool

    async def __call__(self, attempt: Attempt, model: Model) -> tuple[Reply, ...]:
        found = self.answers.get(attempt.sample.id)
        if found is None:
            kind = NoAnswerError if self.missing == "wrong" else ModelError
            raise kind("the file has no response to it")
        if found.failure:
            raise ModelError(found.failure)
        if found.replies and not self.by_repeat:
            return found.replies
        texts = found.texts[attempt.repeat : attempt.repeat + 1] if self.by_repeat else found.texts
        return (reply_of([read_answer(text, (), "eos", ANY) for text in texts], Usage()),)


def name_of(paths: Sequence[Path], responses: Sequence[Response]) -> str:
    """What the model is called: as the responses say where they agree, else like the file."""
    names = {one.model for one in responses if one.model}
    only = names.pop() if len(names) == 1 else ""
    return only or paths[0].name.split(".")[0]
