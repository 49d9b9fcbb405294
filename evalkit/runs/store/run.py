"""A run as its readers see it: a manifest and a stream of records in one folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.core import Estimate, Record, UsageError, toy_sets
from evalkit.runs.store import journal, manifest
from evalkit.runs.store.manifest import Manifest, TaskResult

if TYPE_CHECKING:
    import pandas as pd


@dataclass(slots=True)
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

    def to_pandas(self) -> pd.DataFrame:
        """One row a record: model, task, sample, repeat, validity, group columns and a column for every score."""
        import pandas as pd

        rows = [_flat(self.model, record) for record in self.records()]
        frame = pd.DataFrame(rows)
        return frame.sort_values(["task", "index", "repeat"], ignore_index=True) if rows else frame


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
