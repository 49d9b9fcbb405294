"""A run that another harness made: a manifest and records as far as its log tells them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evalkit.core import Metric, Record, digest_of
from evalkit.runs.store import Manifest, TaskEntry, TaskResult
from evalkit.scoring.metrics import mean


@dataclass(slots=True, eq=False)
class ForeignRun:
    """Has what readers of a run use of `evalkit.Run`. `sources` make each task's records anew at every call."""

    folder: Path
    manifest: Manifest
    harness: str
    sources: Mapping[str, Callable[[], Iterator[Record]]]
    metrics: Mapping[str, Sequence[Metric]] = field(default_factory=dict)

    @property
    def model(self) -> str:
        return str(self.manifest.model["name"])

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(self.sources)

    def records(self, task: str = "") -> Iterator[Record]:
        """The records of one task, or of all."""
        for name, source in self.sources.items():
            if not task or name == task:
                yield from source()


def manifest_of(model: str, created: str, version: str, tasks: Sequence[TaskEntry], run_id: str) -> Manifest:
    """A manifest of what is known: nothing here can be resumed or scored again."""
    return Manifest(
        id=run_id,
        status="finished",
        created=created,
        model={"name": model, "digest": digest_of(model), "facts": {}},
        settings={},
        request={"tasks": [None for _ in tasks], "models": [None], "cache": False, "project": None},
        environment={},
        tasks=list(tasks),
        evalkit=version,
    )


def entry_of(name: str, facts: Mapping[str, str], primary_metric: str, total: int) -> TaskEntry:
    """A task's entry; its estimates are made from the records by whoever reads them."""
    return TaskEntry(
        name,
        name,
        {"task": name, **facts},
        [],
        total=total,
        result=TaskResult(primary_metric=primary_metric, samples=total),
    )


def mean_of(name: str, values: Sequence[float], *, higher_is_better: bool = True) -> Metric:
    """The mean of a score; a proportion where every value lies within [0, 1]."""
    proportion = all(0.0 <= value <= 1.0 for value in values)
    return mean(name, scale="proportion" if proportion else "number", higher_is_better=higher_is_better)
