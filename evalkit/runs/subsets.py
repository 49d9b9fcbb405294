"""`--subset anchors=N`: the samples to ask in place of all, learned from the stored runs of a task."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.core import Metric, UsageError
from evalkit.runs.runner import PreparedTask
from evalkit.runs.runner.collect import metrics_of
from evalkit.runs.runner.subset_scores import rows_of, scores_of
from evalkit.runs.store import Run, TaskEntry, runs_under
from evalkit.runs.store.subset_file import Subset
from evalkit.scoring.metrics.per_sample import is_mean_of

if TYPE_CHECKING:
    from evalkit.core import FloatRows

__all__ = ["with_subsets"]

_log = logging.getLogger(__name__)
_MOST_RUNS = 12
"""The newest stored runs, one a model, that are learned from: more of them add little and take time to read."""
_MOST_FAILED = 0.05
_HELD_EQUAL = ("version", "data", "scorers", "judge")
"""What a stored run must share with the task; how it was asked may differ, which costs width alone."""


def with_subsets(
    prepared: Sequence[PreparedTask], asked: str, runs: Path, known: dict[str, Subset]
) -> list[PreparedTask]:
    """The tasks, each with the subset that `asked` ("anchors=200") names.

    `known` has the subsets that are fixed already, by the tasks' names; what is learned is put there, so that all
    models of a plan are asked the same samples. Raises UsageError where no stored run can be learned from, and where
    a task has no mean to estimate or too few samples.
    """
    if any(task.settings.limit is not None or task.settings.proportion < 1.0 for task in prepared):
        raise UsageError("--subset and --limit both choose the samples", fix="leave one of them out")
    number, _, elsewhere = asked.removeprefix("anchors=").partition(",runs=")
    n, folder = int(number), Path(elsewhere) if elsewhere else runs
    found = []
    for task in prepared:
        if task.name not in known:
            known[task.name] = _learned(task, n, folder)
        found.append(_of_subset(task, known[task.name]))
    return found


def _of_subset(task: PreparedTask, subset: Subset) -> PreparedTask:
    return replace(
        task,
        subset=subset,
        total=subset.n * task.samples,
        identity={**task.identity, "subset": subset.words},
    )


def _learned(task: PreparedTask, n: int, folder: Path) -> Subset:
    from evalkit.stats.subset_design import FEWEST, StoredScores, subset_design

    metric = _primary(task)
    runs = _usable(task, folder)
    if not runs:
        raise UsageError(
            f"no stored run says which samples of {task.name!r} are hard: --subset learns from whole runs of the task",
            found=f"none under {folder}/ with the same data, version and scorers",
            fix="run another model on all samples first; runs=DIR names another folder of runs",
        )
    ids, values = _scores(task, metric, runs)
    if not FEWEST <= n < len(ids):
        raise UsageError(
            f"a subset of {task.name!r} has at least {FEWEST} samples and fewer than all",
            found=f"anchors={n} of {len(ids):,}",
            fix=f"anchors={max(FEWEST, len(ids) // 5)}" if len(ids) > FEWEST else "leave --subset out",
        )
    stored = StoredScores(ids, values, metric.ends or (None, None))
    learned = Subset(n, metric.name, stored, subset_design(stored), tuple((str(run.folder), run.model) for run in runs))
    _log.info("%s: %d of %d samples, learned from %d stored runs", task.name, n, len(ids), len(runs))
    return learned


def _usable(task: PreparedTask, folder: Path) -> list[Run]:
    """The newest whole run of each model on this task."""
    found: dict[str, Run] = {}
    for path in runs_under(folder) if folder.is_dir() else []:
        try:
            run = Run.open(path)
        except UsageError:
            continue  # of another format, or damaged: it is not what was asked for
        entry = next((one for one in run.manifest.tasks if one.name == task.name), None)
        if entry is not None and _is_whole(entry, task):
            found.setdefault(str(run.manifest.model["digest"]), run)
        if len(found) == _MOST_RUNS:
            break
    return list(found.values())


def _is_whole(entry: TaskEntry, task: PreparedTask) -> bool:
    same = all(entry.identity.get(key, "–") == task.identity.get(key, "–") for key in _HELD_EQUAL)
    part = any(entry.identity.get(key, "–") != "–" for key in ("limit", "subset"))
    result = entry.result
    return same and not part and result is not None and result.failed <= _MOST_FAILED * max(1, result.samples)


def _primary(task: PreparedTask) -> Metric:
    metrics, name = metrics_of(task.task), task.task.primary_metric
    found = next((metric for metric in metrics if metric.name == name), metrics[0] if metrics else None)
    if found is None:
        raise UsageError(f"task {task.name!r} has no metric that a subset could estimate", fix="leave --subset out")
    return found


def _scores(task: PreparedTask, metric: Metric, runs: Sequence[Run]) -> tuple[tuple[str, ...], FloatRows]:
    """The samples' ids, in the order of the data, and every run's scores of them; UsageError where the metric is no
    mean of such scores."""
    import numpy as np

    found: list[Mapping[str, float]] = []
    places: dict[str, int] = {}
    for run in runs:
        rows = rows_of(metric, run.records(task.name))
        every = np.concatenate([own for _, own in rows.values()])
        if not len(every) or not is_mean_of(metric, every):
            raise UsageError(
                f"--subset estimates means over samples; {metric.name} of task {task.name!r} is none",
                fix="leave --subset out",
            )
        for sample, (place, _) in rows.items():
            places.setdefault(sample, place)
        found.append(scores_of(metric, rows))
    ids = tuple(sorted(places, key=places.__getitem__))
    return ids, np.array([[scores.get(sample, np.nan) for sample in ids] for scores in found])
