"""Does a task work at all? The replies of a perfect model must score 1.0 on every sample."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from evalkit.core import Capabilities, Embed, Identity, ModelError, Reply, Request, Scorer, Task, Tokenize, Validity
from evalkit.models.stored import StoredAnswer
from evalkit.runs.runner.attempt import score_record
from evalkit.runs.runner.collect import metrics_of
from evalkit.runs.runner.prepare import PreparedTask

_SETTINGS = ("top_k", "min_p", "repetition_penalty", "thinking_tokens")


class GoldModel:
    """Stands where prepare() wants a model; the replies come from the task's method, so it is never asked."""

    identity = Identity("gold")
    capabilities = Capabilities(
        requests=Capabilities().requests | {Embed, Tokenize, StoredAnswer},
        features=frozenset({"schema", "tools", "images", "tokens", "stride", "prefill", *_SETTINGS}),
    )

    async def answer(self, request: Request) -> Reply:
        raise ModelError("the gold model answers through the task's method")

    async def close(self) -> None: ...


@dataclass(slots=True)
class Checked:
    """What a check found: `problems` holds (sample id, what was wrong) of the samples that did not score 1.0.

    `without_gold` counts samples that no reply can answer fully (their method gives no gold replies).
    """

    samples: int = 0
    without_gold: int = 0
    without_judge: bool = False
    problems: list[tuple[str, str]] = field(default_factory=list)


async def check(prepared: PreparedTask) -> Checked:
    """Score the gold replies of every sample. Scores that are no proportion (a perplexity) need only be finite."""
    task, found = prepared.task, Checked()
    proportions = _share_scores(task)
    for work in prepared.work():
        found.samples += 1
        sample_id = work.attempt.sample.id
        if work.failure is not None:
            found.problems.append((sample_id, work.failure.message))
            continue
        replies = task.method.gold(work.attempt)
        if not replies:
            found.without_gold += 1
            continue
        record = await score_record(prepared.name, task.scorers, work, replies, time.perf_counter())
        if record.failure is not None:
            found.problems.append((sample_id, f"{record.failure.kind}: {record.failure.message}"))
            continue
        unjudged = [s for s in record.scores if s.validity is Validity.UNJUDGED]
        if unjudged:
            found.problems.append((sample_id, unjudged[0].reason.partition("\n")[0] or "unjudged"))
            continue
        low = [f"{s.name} = {s.value:.4g}" for s in record.scores if s.name in proportions and s.value < 1.0 - 1e-9]
        if low:
            answer = next((s.answer for s in record.scores if s.answer is not None), "")
            found.problems.append((sample_id, f"{', '.join(low)} for the gold answer {answer!r}"))
    if found.samples == 0:
        found.problems.append(("–", "the task has no samples"))
    return found


def unjudged_part(task: Task) -> Task:
    """The task without the scorers that cannot do without a judge, and without the metrics of their scores."""
    asked = {name for scorer in task.scorers if _must_ask(scorer) for name in scorer.scores}
    if not asked:
        return task
    own = tuple(scorer for scorer in task.scorers if not _must_ask(scorer))
    metrics = tuple(metric for metric in task.metrics if metric.name not in asked)
    return replace(
        task, scorers=own, metrics=metrics, primary_metric="" if task.primary_metric in asked else task.primary_metric
    )


def _must_ask(scorer: Scorer) -> bool:
    return scorer.judged_by is not None and not scorer.judge_optional


def _share_scores(task: Task) -> set[str]:
    """The scores that the primary metric (or, without one, the first) reads as a proportion of right answers. A
    judge's are its opinion of the gold answer, and need not be 1."""
    if any({"judge", "model"} <= scorer.settings.keys() for scorer in task.scorers):
        return set()
    metrics = {metric.name: metric for metric in metrics_of(task)}
    primary_metric = task.primary_metric or next(iter(metrics), "")
    metric = metrics.get(primary_metric)
    if metric is None or metric.scale != "proportion" or not metric.higher_is_better:
        return set()
    return {name for scorer in task.scorers for name in scorer.scores if name == primary_metric} or {
        name for scorer in task.scorers for name in scorer.scores
    }
