"""One task of one run as a comparison needs it: columns over its samples, read in one pass over the records."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from evalkit.core import Metric, Record, Validity, digest_of, is_number
from evalkit.runs.store import Manifest, MetricResult, TaskEntry
from evalkit.scoring.metrics import mean

if TYPE_CHECKING:
    from evalkit.core import Ends, Estimate, FloatRows, IntArray, Jackknife

COSTS = ("seconds", "prompt_tokens", "completion_tokens", "cost")
"""What a sample took: seconds of the model, tokens, money. NaN where it is not known."""


class Readable(Protocol):
    """A run of evalkit's, or another harness's log read as one."""

    @property
    def folder(self) -> Path: ...
    @property
    def manifest(self) -> Manifest: ...
    @property
    def model(self) -> str: ...
    def records(self, task: str = "") -> Iterator[Record]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One metric over the records of a task: `rows` of shape (n, width), NaN where it was not measured.

    `estimate` is the metric's own; None where only the rows are known (a baseline file), whose partner then has it.
    `known` is the value over all samples as such a file states it; `ends`, `units`, `jackknife` and `weighed_by` are
    its own.
    """

    name: str
    rows: FloatRows
    higher_is_better: bool = True
    scale: Literal["proportion", "number"] = "proportion"
    estimate: Callable[[FloatRows, IntArray], Estimate] | None = None
    known: float | None = None
    ends: Ends = (None, None)
    units: Callable[[FloatRows, IntArray], tuple[FloatRows, IntArray]] | None = None
    jackknife: Jackknife = "bounded"
    weighed_by: int | None = None

    def __post_init__(self) -> None:
        if self.scale == "proportion" and self.ends == (None, None):
            object.__setattr__(self, "ends", (0.0, 1.0))

    @staticmethod
    def of(metric: Metric, rows: FloatRows) -> Column:
        """The rows that a metric made."""
        return Column(
            metric.name,
            rows,
            metric.higher_is_better,
            metric.scale,
            metric.estimate,
            ends=metric.ends or (None, None),
            units=metric.units,
            jackknife=metric.jackknife,
            weighed_by=metric.weighed_by,
        )

    @property
    def width(self) -> int:
        return int(self.rows.shape[1])

    def value_of(self, rows: FloatRows, *, one_sample: bool = False) -> float:
        """The metric's value of some rows, without the interval; NaN where it is not known how to compute it."""
        import numpy as np

        from evalkit.stats.bootstrap import values_only

        if self.estimate is None:
            return math.nan
        clusters = np.zeros(len(rows), np.int64) if one_sample else np.arange(len(rows))
        with values_only():
            return float(self.estimate(rows, clusters).value)


@dataclass(frozen=True, slots=True)
class MeanCost:
    """What a sample took on average, the standard deviation over samples, and their number; of a file that keeps no
    more. NaN and 0 where an older evalkit wrote the mean alone."""

    mean: float
    sd: float = math.nan
    n: int = 0


@dataclass(slots=True, eq=False)
class TaskSide:
    """A task as one run measured it. The lists have one entry a record, in the order of the data.

    `facts` is what the manifest keeps as the task's identity; `asked` and `prompted` are the digests of the sample
    and of its prompt before any chat template, `texts` that of the prompt as one text, whichever parts it was made of;
    `digests` are those of all of them ("samples", "prompts", "rendered"). `merged` names the tasks that this one was
    put together from, if any: its ids then begin with theirs.
    """

    name: str
    model: str
    origin: str
    harness: str
    version: str
    primary_metric: str
    facts: dict[str, str]
    digests: dict[str, str] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    repeats: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    prompted: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    validity: list[str] = field(default_factory=list)
    clusters: list[str] = field(default_factory=list)
    groups: list[tuple[str, ...]] = field(default_factory=list)
    columns: dict[str, Column] = field(default_factory=dict)
    costs: dict[str, FloatRows] = field(default_factory=dict)
    mean_costs: dict[str, MeanCost] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    signature: str = ""
    created: str = ""
    merged: tuple[str, ...] = ()
    toy: bool = False
    made: list[float] = field(default_factory=list)
    """When each record's oldest reply was made, in seconds since 1970: infinity for one of this run whose time is not
    known, 0 for one of the cache, NaN where nothing was asked. Empty where the side keeps no such times."""
    fixed: bool = True
    """Whether the model's identity is fixed (`core.Identity`)."""
    began: float = 0.0
    """When the run began: what was made before came from the cache."""
    answered: float = math.nan
    """When the last answer was made, where that is known."""

    def id_of(self, task: str, sample: str) -> str | None:
        """What that sample of the run is called here; None where its task is another one."""
        if self.merged:
            return f"{task}/{sample}" if task in self.merged else None
        return sample if task == self.name else None

    @property
    def n(self) -> int:
        return len(self.ids)

    @property
    def failed(self) -> int:
        """How many records could not be measured."""
        return sum(Validity(value).is_measurement_failure for value in self.validity)

    @property
    def counts(self) -> Counter[str]:
        return Counter(self.validity)

    @property
    def metrics(self) -> list[str]:
        """The primary metric first."""
        return sorted(self.columns, key=lambda name: name != self.primary_metric)


@dataclass(slots=True)
class _Gathered:
    """What is collected of one task while the records stream by."""

    metrics: Sequence[Metric]
    order: array[int] = field(default_factory=lambda: array("q"))
    kept: list[tuple[Any, ...]] = field(default_factory=list)
    rows: dict[str, array[float]] = field(default_factory=dict)
    costs: dict[str, array[float]] = field(default_factory=lambda: {name: array("d") for name in COSTS})
    made: array[float] = field(default_factory=lambda: array("d"))

    def add(self, record: Record) -> None:
        sample = record.sample
        self.order.append(record.index * 65536 + record.repeat)
        self.kept.append(
            (
                sample.id,
                record.repeat,
                record.sample_digest,
                record.prompt_digest,
                digest_of(record.prompt.text) if record.prompt else "",
                record.validity.value,
                sample.cluster,
                sample.groups,
            )
        )
        for metric in self.metrics:
            lost = record.validity.is_measurement_failure and not record.scores
            observed = None if lost and not metric.counts_missing else metric.observe(record)
            self.rows.setdefault(metric.name, array("d")).extend(observed or (math.nan,) * metric.width)
        for name, value in zip(COSTS, costs_of(record), strict=True):
            self.costs[name].append(value)
        times = [reply.made or (0.0 if reply.source == "cache" else math.inf) for reply in record.replies]
        self.made.append(min(times, default=math.nan))


def costs_of(record: Record) -> tuple[float, float, float, float]:
    """(seconds, prompt tokens, completion tokens, cost) of a record; NaN where nothing was asked or it is unknown."""
    if not record.replies:
        return (math.nan,) * 4
    seconds = sum(reply.seconds for reply in record.replies)
    prompt = sum(reply.usage.prompt_tokens for reply in record.replies)
    completion = sum(reply.usage.completion_tokens for reply in record.replies)
    return seconds, prompt, completion, math.nan if record.cost is None else record.cost


def read_sides(
    run: Readable, metrics: Mapping[str, Sequence[Metric]], *, harness: str = "evalkit", only: Sequence[str] = ()
) -> dict[str, TaskSide]:
    """Every task of a run that has records, by name. `metrics` are those of its tasks.

    A task without an entry there is read by the means of those scores that its metrics are named like: the numbers
    of a mean are then the same, while any other metric is left out and named in `TaskSide.notes`.
    """
    import numpy as np

    entries = {entry.name: entry for entry in run.manifest.tasks if not only or entry.name in only}
    known = {name: metrics.get(name) or _means(entry) for name, entry in entries.items()}
    gathered = {name: _Gathered(known[name]) for name in entries}
    for record in run.records():
        if record.task in gathered:
            gathered[record.task].add(record)
    sides = {}
    for name, entry in entries.items():
        side = _blank(run, entry, harness)
        found = gathered[name]
        order = np.argsort(np.asarray(found.order, dtype=np.int64), kind="stable")
        kept = [found.kept[place] for place in order]
        if kept:
            columns = [list(column) for column in zip(*kept, strict=True)]
            side.ids, side.repeats, side.asked, side.prompted, side.texts = columns[:5]
            side.validity, side.clusters, side.groups = columns[5:]
        for metric in known[name]:
            rows = np.asarray(found.rows.get(metric.name, array("d")), dtype=np.float64).reshape(-1, metric.width)
            side.columns[metric.name] = Column.of(metric, rows[order])
        side.costs = {key: np.asarray(values, dtype=np.float64)[order] for key, values in found.costs.items()}
        made = np.asarray(found.made if harness == "evalkit" else (), dtype=np.float64)
        side.made = made[order].tolist() if len(made) else []
        if len(known_times := made[np.isfinite(made) & (made > 0.0)]):
            side.answered = float(known_times.max())
        if name not in metrics:
            side.notes += _left_out(side, entry)
        sides[name] = side
    return sides


def _blank(run: Readable, entry: TaskEntry, harness: str) -> TaskSide:
    result = entry.result
    digests = {}
    if result is not None:
        digests = {
            "samples": result.samples_digest,
            "prompts": result.prompts_digest,
            "rendered": result.rendered_digest,
        }
    return TaskSide(
        name=entry.name,
        model=str(entry.identity.get("model") or run.model),
        origin=str(run.folder),
        harness=harness,
        version=run.manifest.evalkit,
        primary_metric=result.primary_metric if result else "",
        facts={**entry.identity, **({"served": "; ".join(sorted(result.served))} if result and result.served else {})},
        digests=digests,
        signature=result.signature if result else "",
        created=run.manifest.created,
        toy=entry.toy,
        fixed=run.manifest.is_fixed,
        began=run.manifest.started,
    )


def _means(entry: TaskEntry) -> list[Metric]:
    """Means of the scores that the manifest's metrics are named like."""
    found: list[MetricResult] = entry.result.metrics if entry.result else []
    return [
        mean(m.name, scale="proportion" if m.scale == "proportion" else "number", higher_is_better=m.higher_is_better)
        for m in found
    ]


def _left_out(side: TaskSide, entry: TaskEntry) -> list[str]:
    """Drop the columns that a mean does not explain; say which, and that the task could not be loaded."""
    import numpy as np

    lost = []
    for result in entry.result.metrics if entry.result else []:
        rows = side.columns[result.name].rows[:, 0]
        measured = rows[np.isfinite(rows)]
        same = len(measured) > 0 and math.isclose(float(measured.mean()), result.estimate.value, rel_tol=1e-9)
        if not same and (len(measured) or is_number(result.estimate.value)):
            del side.columns[result.name]
            lost.append(result.name)
    if not lost:
        return []
    return [f"{side.name}: its task is not there to compute {', '.join(lost)}; only means of scores are compared"]
