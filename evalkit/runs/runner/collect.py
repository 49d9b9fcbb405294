"""What is kept of every record while a task runs: small rows, never the record itself.

A sample costs at most about 200 bytes here, whatever its prompt and reply weigh, so that a million samples fit.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from evalkit.core import Metric, Record, Task
from evalkit.runs.runner.over_samples import curves, means_by_repeat, score_of, watched
from evalkit.runs.store import MetricResult, TaskResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_REPEATS = 65536
"""More than a question has samples."""
_MOST_SERVED = 20
"""Names of served models that are counted: a server that gives every reply another one has no names."""


def metrics_of(task: Task) -> tuple[Metric, ...]:
    """The task's own metrics, or those its scorers bring."""
    return task.metrics or tuple(metric for scorer in task.scorers for metric in scorer.metrics)


@dataclass(slots=True)
class _MetricRows:
    """The rows of one metric: `place` points into the collector's per-record columns."""

    metric: Metric
    values: array[float]
    place: array[int]


class Collector:
    """Gathers rows in any order and turns them into results that do not depend on that order."""

    def __init__(
        self, metrics: Sequence[Metric], primary_metric: str = "", *, samples: int = 1, score: str = ""
    ) -> None:
        """`samples`: how many each question has; `score`: what is looked at where there are several."""
        self._samples, self._score = samples, score if samples > 1 else ""
        self._drawn = _MetricRows(watched(self._score), array("d"), array("l")) if self._score else None
        self._primary_metric = primary_metric or (metrics[0].name if metrics else "")
        self._order = array("q")
        self._cluster = array("q")
        self._groups = array("l")
        self._group_ids: dict[tuple[str, ...], int] = {}
        self._digests = (array("Q"), array("Q"), array("Q"))
        self._metrics = [_MetricRows(metric, array("d"), array("l")) for metric in metrics]
        self._observed = [*self._metrics, *([self._drawn] if self._drawn is not None else [])]
        self.counts: Counter[str] = Counter()
        self.flags: Counter[str] = Counter()
        self.failed = 0
        self.cached = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.reasoning_tokens = 0
        self.cost: float | None = None
        self.made: tuple[float, float] | None = None
        self.served: Counter[str] = Counter()
        self.served_earlier: Counter[str] = Counter()

    @staticmethod
    def of(task: Task, samples: int = 1) -> Collector:
        """One for the metrics of a task, of which every question has so many samples."""
        metrics = metrics_of(task)
        return Collector(metrics, task.primary_metric, samples=samples, score=score_of(task, metrics))

    @property
    def samples(self) -> int:
        return len(self._order)

    def add(self, record: Record) -> None:
        place = len(self._order)
        sample = record.sample
        self._order.append(record.index * _REPEATS + record.repeat)
        self._cluster.append(_hash64(sample.cluster or sample.id))
        self._groups.append(self._group_ids.setdefault(sample.groups, len(self._group_ids)))
        self.counts[record.validity.value] += 1
        if record.flags:
            self.flags.update(record.flags)
        rendered = record.replies[0].rendered_digest if record.replies else ""
        for column, digest in zip(self._digests, (record.prompt_digest, record.sample_digest, rendered), strict=True):
            column.append(int(digest, 16) if digest else 0)
        self._count_replies(record)
        failed = record.validity.is_measurement_failure
        self.failed += failed
        lost = failed and not record.scores
        # An unjudged sample may still have scores of other kinds: every metric decides for its own.
        for rows in self._observed:
            observed = None if lost and not rows.metric.counts_missing else rows.metric.observe(record)
            if observed is not None:
                rows.values.extend(observed)
                rows.place.append(place)

    def _count_replies(self, record: Record) -> None:
        if record.cost is not None:
            self.cost = (self.cost or 0.0) + record.cost
        self.cached += bool(record.replies) and all(reply.source == "cache" for reply in record.replies)
        for reply in record.replies:
            if reply.made:
                first, last = self.made or (reply.made, reply.made)
                self.made = min(first, reply.made), max(last, reply.made)
            self.prompt_tokens += reply.usage.prompt_tokens
            self.completion_tokens += reply.usage.completion_tokens
            self.reasoning_tokens += reply.usage.reasoning_tokens
            if reply.served and (reply.served in self.served or len(self.served) < _MOST_SERVED):
                self.served[reply.served] += 1
                self.served_earlier[reply.served] += reply.source == "cache"

    def result(self, seconds: float) -> TaskResult:
        """Estimates over all samples and per group, with rows in the order of the data."""
        import numpy as np

        order = np.frombuffer(self._order, dtype=np.int64) if self._order else np.zeros(0, np.int64)
        _, clusters = np.unique(np.frombuffer(self._cluster, dtype=np.int64), return_inverse=True)
        groups = np.frombuffer(self._groups, dtype=f"i{self._groups.itemsize}")
        result = TaskResult(primary_metric=self._primary_metric)
        members = self._members()
        for rows in self._metrics:
            place = np.frombuffer(rows.place, dtype=f"i{rows.place.itemsize}")
            values = np.frombuffer(rows.values, dtype=np.float64).reshape(-1, rows.metric.width)
            sorted_by_data = np.argsort(order[place], kind="stable")
            place, values = place[sorted_by_data], values[sorted_by_data]
            result.metrics.append(_estimate(rows.metric, values, clusters[place]))
            for name, ids in members.items():
                inside = np.isin(groups[place], ids)
                found = _estimate(rows.metric, values[inside], clusters[place][inside])
                result.groups.setdefault(name, []).append(found)
        if self._drawn is not None:
            self._over_samples(result, self._drawn, order, clusters)
        self._totals(result, order, seconds)
        return result

    def _over_samples(self, result: TaskResult, drawn: _MetricRows, order: Any, clusters: Any) -> None:
        import numpy as np

        place = np.frombuffer(drawn.place, dtype=f"i{drawn.place.itemsize}")
        values = np.frombuffer(drawn.values, dtype=np.float64).reshape(-1, drawn.metric.width)
        by_data = np.argsort(order[place], kind="stable")
        place, values = place[by_data], values[by_data]
        _, dense = _unique(clusters[place])
        result.curves = curves(self._score, values, dense, self._samples)
        result.by_repeat = means_by_repeat(values[:, 0], order[place] % _REPEATS)

    def _totals(self, result: TaskResult, order: NDArray[np.int64], seconds: float) -> None:
        result.samples, result.failed, result.cached = self.samples, self.failed, self.cached
        result.counts, result.flags = dict(self.counts), dict(self.flags)
        result.prompt_tokens, result.completion_tokens = self.prompt_tokens, self.completion_tokens
        result.reasoning_tokens = self.reasoning_tokens
        result.served, result.served_earlier = dict(self.served), dict(+self.served_earlier)
        result.seconds, result.cost = round(seconds, 3), self.cost
        if self.made is not None:
            result.made_first, result.made_last = map(_time, self.made)
        digests = [_digest_in_order(column, order) for column in self._digests]
        result.prompts_digest, result.samples_digest, result.rendered_digest = digests

    def _members(self) -> dict[str, list[int]]:
        """Group name to the ids of the group tuples that hold it."""
        members: dict[str, list[int]] = {}
        for names, number in self._group_ids.items():
            for name in names:
                members.setdefault(name, []).append(number)
        return dict(sorted(members.items()))


def _estimate(metric: Metric, rows: Any, clusters: Any) -> MetricResult:
    _, dense = _unique(clusters)
    return MetricResult(metric.name, metric.estimate(rows, dense), metric.higher_is_better, metric.scale)


def _unique(values: Any) -> tuple[Any, Any]:
    import numpy as np

    found: tuple[Any, Any] = np.unique(values, return_inverse=True)
    return found


def _digest_in_order(column: Sequence[int], order: NDArray[np.int64]) -> str:
    import numpy as np

    values = np.frombuffer(column, dtype=np.uint64)  # type: ignore[call-overload]
    if not values.any():
        return ""
    return hashlib.blake2b(values[np.argsort(order, kind="stable")].tobytes(), digest_size=8).hexdigest()


def _hash64(text: str) -> int:
    """The same in every process, unlike hash(): clusters are numbered by it."""
    raw = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(raw, "little", signed=True)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
