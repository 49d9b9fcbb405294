"""A run as its readers see it: a manifest and a stream of records in one folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.core import Estimate, Record, UsageError, toy_sets
from evalkit.core.formatting import number
from evalkit.runs.notebook import scores_html
from evalkit.runs.store import journal, manifest
from evalkit.runs.store.manifest import Manifest, TaskResult

if TYPE_CHECKING:
    import pandas as pd


_SHOWN = 3
_later: dict[str, Callable[..., Any]] = {}
"""What a run can do by rooms above this one: see `offer`."""


def offer(name: str, function: Callable[..., Any]) -> None:
    """Have runs do something that a room above this one knows how: `evalkit.api` does so as it is imported."""
    _later[name] = function


@dataclass(slots=True, repr=False)
class Run:
    """One model's run over one or more tasks. `failed` is True where too many samples could not be measured."""

    folder: Path
    manifest: Manifest
    failed: bool = field(default=False)

    @staticmethod
    def open(folder: Path | str) -> Run:
        """Read a run from its folder; raises UsageError where it is not one."""
        return Run(Path(folder), manifest.read(Path(folder)))

    @property
    def model(self) -> str:
        return str(self.manifest.model["name"])

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(entry.name for entry in self.manifest.tasks)

    def estimate(self, task: str, metric: str = "") -> Estimate:
        """A task's estimate for a metric (its primary metric where none is named); raises UsageError if it has none."""
        result = self.manifest.task(task).result
        found = result.metric(metric) if result else None
        if found is None:
            names = [m.name for m in result.metrics] if result else []
            raise UsageError(
                f"task {task!r} has no estimate of {metric or 'its primary metric'!r}", found=", ".join(names)
            )
        return found.estimate

    def records(self, task: str = "") -> Iterator[Record]:
        """The records as they were written, streamed; of one task where it is named."""
        for record in journal.read_records(self.folder):
            if not task or record.task == task:
                yield record

    def samples(self, task: str = "") -> list[Record]:
        """The records in the order of the data; of one task where it is named."""
        if task:
            self.manifest.task(task)
        places = {name: number for number, name in enumerate(self.tasks)}
        return sorted(self.records(task), key=lambda one: (places[one.task], one.index, one.repeat))

    def compare(self, other: Run, **options: Any) -> Any:
        """What `other` changed, on the samples that both have; this run is A (see `evalkit.compare`)."""
        return _of_later("compare")(self, other, **options)

    def report(self, out: Path | str = "", name: str = "", **options: str) -> Path:
        """Write a report on this run and return its path: `report.html` in its folder, or `out`, whose ending says
        which report is written; `name` is any of `evalkit list reports`, with its options.

        Raises UsageError for an unknown report, option or ending.
        """
        path = Path(out) if out else self.folder / "report.html"
        written: Path = _of_later("report")([self], path, name, options)[0]
        return written

    def __repr__(self) -> str:
        said = []
        for entry in self.manifest.tasks:
            metric = entry.result.metric("") if entry.result else None
            said.append(entry.name + (f" {number(metric.estimate.value, metric.scale)}" if metric else ""))
        shown = ", ".join(said[:_SHOWN]) + (f" and {len(said) - _SHOWN} more" if len(said) > _SHOWN else "")
        status = "" if self.manifest.status == "finished" else f", {self.manifest.status}"
        return f"<Run of {self.model}: {shown}{status}; {self.folder}>"

    def _repr_html_(self) -> str:
        return scores_html(self.manifest)

    def to_pandas(self) -> pd.DataFrame:
        """One row a record: model, task, sample, repeat, validity, group columns and a column for every score."""
        import pandas as pd

        rows = [_flat(self.model, record) for record in self.records()]
        frame = pd.DataFrame(rows)
        return frame.sort_values(["task", "index", "repeat"], ignore_index=True) if rows else frame


def _of_later(name: str) -> Callable[..., Any]:
    if name not in _later:
        raise UsageError(f"runs can be used for a {name} once evalkit is imported", fix="import evalkit; evalkit.run")
    return _later[name]


def _flat(model: str, record: Record) -> dict[str, Any]:
    reply = record.replies[0] if record.replies else None
    row: dict[str, Any] = {
        "model": model,
        "task": record.task,
        "sample": record.sample.id,
        "index": record.index,
        "repeat": record.repeat,
        "validity": record.validity.value,
        "group": record.sample.groups[-1] if record.sample.groups else "",
        "reply": reply.texts[0] if reply and reply.texts else None,
        "answer": next((score.answer for score in record.scores if score.answer is not None), None),
        "target": record.sample.targets[0] if record.sample.targets else None,
    }
    return row | {score.name: score.value for score in record.scores}


def toys_told(runs: Sequence[Run], only: str | None = None) -> str:
    """What is to be said of the toy sets (and means over them) among the tasks of runs, or of one task; "" of none."""
    entries = [entry for run in runs for entry in run.manifest.tasks if only in (None, entry.name)]
    told = [toy_sets.note(list(dict.fromkeys(entry.name for entry in entries if entry.toy)))]
    mixed = dict.fromkeys(name for run in runs for name in run.manifest.mixed_suites) if only is None else {}
    told += [f"The mean of {name} is over toy sets and other tasks." for name in mixed]
    return " ".join(told).strip()


def drift_told(runs: Sequence[Run], only: str | None = None) -> list[str]:
    """A sentence for every task whose replies came from several models, as the server calls them, under one name."""
    told = []
    for run in runs:
        for entry in run.manifest.tasks:
            found = entry.result.served if entry.result is not None and only in (None, entry.name) else {}
            if len(found) > 1:
                name = entry.name if len(runs) == 1 else f"{entry.name} · {run.model}"
                told.append(f"{name}: {len(found)} models answered under one name: {_counted(entry.result)}")
    return told


def _counted(result: TaskResult | None) -> str:
    """The served models with their numbers of replies, the most first."""
    assert result is not None
    said = []
    for name, count in sorted(result.served.items(), key=lambda item: (-item[1], item[0])):
        earlier = result.served_earlier.get(name, 0)
        said.append(f"{name} {count:,}" + (f" ({earlier:,} from the cache)" if earlier else ""))
    return ", ".join(said)


def runs_under(folder: Path) -> list[Path]:
    """The run folders at or below a folder, newest first; a folder that is itself a run is the only one."""
    if (folder / manifest.FILE).is_file():
        return [folder]
    found = [path.parent for path in folder.glob("*/" + manifest.FILE)]
    found += [path.parent for path in folder.glob("*/*/" + manifest.FILE)]
    return sorted(found, key=lambda path: (path / manifest.FILE).stat().st_mtime, reverse=True)


def folder_name(model: str) -> str:
    """A model's name as the name of its run's folder."""
    return re.sub(r"[^A-Za-z0-9._=-]+", "-", model).strip("-.") or "model"
