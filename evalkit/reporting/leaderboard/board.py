"""What a leaderboard shows: the newest result of every model on every task, and how models differ sample by sample."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalkit.comparing.sample_values import SampleValues
from evalkit.core import Estimate, toy_sets
from evalkit.reporting.leaderboard.cell import Cell, Memory
from evalkit.reporting.leaderboard.column import LeaderboardColumn, column_of, common_metric
from evalkit.reporting.leaderboard.core import Basis, core_of, ranked_on
from evalkit.reporting.leaderboard.strengths import strengths_of
from evalkit.reporting.ranking import Rank
from evalkit.runs.store import Run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]


FEW = 30
"""Samples below which a task's weight in the mean is worth a note."""


@dataclass(slots=True)
class Board:
    """Models × tasks. `basis` says which tasks the ranking is of and what was left out; `average`, `ranks` and the
    overall `difference` and `error` are of these, with equal weights. `strengths` are over `common`."""

    models: list[str]
    columns: list[LeaderboardColumn]
    groups: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    basis: Basis = field(default_factory=Basis)
    average: list[Estimate | None] = field(default_factory=list)
    ranks: list[Rank] = field(default_factory=list)
    difference: Matrix | None = None
    error: Matrix | None = None
    strengths: list[float] = field(default_factory=list)
    strength_errors: list[float] = field(default_factory=list)

    @property
    def counted(self) -> list[LeaderboardColumn]:
        return [column for column in self.columns if column.counts]

    @property
    def core(self) -> list[LeaderboardColumn]:
        """The tasks that the ranking is of."""
        return [self.columns[place] for place in self.basis.tasks]

    @property
    def common(self) -> list[LeaderboardColumn]:
        """The tasks on which every model met every other, sample by sample: strengths are of these alone."""
        import numpy as np

        others = ~np.eye(len(self.models), dtype=bool)
        return [column for column in self.columns if not column.aside and bool((column.paired[others] > 0).all())]

    def met(self, one: int, other: int) -> int:
        """The samples that a win rate of the two is over."""
        return int(sum(column.paired[one, other] for column in self.columns if not column.aside))

    def win_rate(self, one: int, other: int) -> float:
        """The mean over tasks of how often the one scored more than the other, ties as halves; NaN where none met."""
        columns = [c for c in self.columns if not c.aside and c.paired[one, other] > 0]
        met = [(c.wins[one, other], c.paired[one, other]) for c in columns]
        return sum(float(wins / n) for wins, n in met) / len(met) if met else math.nan

    def mean_of(self, model: int, names: Sequence[str]) -> float:
        """The mean of a model's values in those columns that are proportions; NaN where it lacks one."""
        found = [c.cells[model] for c in self.columns if c.name in names and c.is_share]
        return sum(cell.estimate.value if cell else math.nan for cell in found) / len(found) if found else math.nan

    def per_sample(self, model: int, kind: str) -> float:
        """Seconds or cost of a sample, the mean over the ranking's tasks (all, if there are none); NaN if unknown."""
        cells = [column.cells[model] for column in self.core or self.columns]
        known = [float(getattr(cell, kind)) for cell in cells if cell is not None]
        return sum(known) / len(known) if known and len(known) == len(cells) else math.nan

    def weights(self, model: int) -> float:
        """Bytes of the model's weights, from whichever of its runs says so; NaN if none does."""
        known = [column.cells[model] for column in self.columns]
        return next((c.weights for c in known if c is not None and math.isfinite(c.weights)), math.nan)

    def memory(self, model: int) -> Memory:
        """The largest peak that a run of the model recorded, or its weights' bytes where none did."""
        found = [cell.memory for column in self.columns if (cell := column.cells[model]) is not None]
        known = [one for one in found if one.of]
        return max(known, key=lambda one: (one.of != "weights", one.size), default=Memory())


def board(runs: Iterable[Run]) -> Board:
    """The board of those runs; of several results of a model on a task the newest counts, and a note names the rest."""
    runs = list(runs)
    found, notes = _newest(runs)
    models = sorted({model for model, _ in found})
    tasks = list(dict.fromkeys(task for _, task in sorted(found, key=lambda key: key[1])))
    loaded: dict[int, SampleValues] = {}

    def values_of(run: Run) -> SampleValues:
        if id(run) not in loaded:
            loaded[id(run)] = SampleValues.of_run(run)
        return loaded[id(run)]

    columns = []
    for task in tasks:
        cells = [found.get((model, task)) for model in models]
        metric = common_metric(cells)
        for place, cell in enumerate(cells):
            shown = cell.entry.result.metric(metric) if cell and cell.entry.result else None
            if cell and shown:
                cell.metric = shown
            elif cell:
                notes.append(f"{task}: {models[place]} has no {metric}")
                cells[place] = None
        columns.append(column_of(task, cells, values_of))
    made = Board(models, columns, _groups(runs), _set_toys_aside(columns) + notes)
    made.notes += _mixed(made)
    made.notes += [f"{c.name}: the models were not all asked the same (data or prompt)" for c in columns if not c.alike]
    made.basis = core_of(columns, models)
    made.average, made.ranks, made.difference, made.error = ranked_on(made.core, len(models), made.basis.unranked)
    wins, scatter = [c.wins for c in made.common], [c.scatter for c in made.common]
    made.strengths, made.strength_errors = strengths_of(wins, scatter, len(models))
    made.notes += _left_out_of_wins(made) + _thin(made)
    return made


def _thin(made: Board) -> list[str]:
    """The ranked tasks that rest on few samples and weigh as much as those that rest on many."""
    sizes = {column.name: min(cell.estimate.n for cell in column.cells if cell) for column in made.core}
    most = max(sizes.values(), default=0)
    return [
        f"{name} rests on {n:,} samples and weighs as much as every other task (one has {most:,})"
        for name, n in sizes.items()
        if n < FEW and most >= 2 * n
    ]


def _left_out_of_wins(made: Board) -> list[str]:
    """Which tasks the wins and strengths are without, and why."""
    if len(made.models) < 2:
        return []
    told = []
    for column in made.columns:
        if column.aside or column in made.common:
            continue
        lacking = [model for model, cell in zip(made.models, column.cells, strict=True) if cell is None]
        if lacking:
            told.append(f"{column.name}: no part of strengths, since {', '.join(lacking)} lacks it")
        else:
            told.append(
                f"{column.name}: no part of wins, since {column.metric} is not a mean over samples that all share"
            )
    return told


def _set_toys_aside(columns: Sequence[LeaderboardColumn]) -> list[str]:
    """Marks the toy sets among other tasks; says which columns are toy sets, and what they count for."""
    toys = [column for column in columns if column.toy]
    for column in toys:
        column.aside = len(toys) < len(columns)
    if not toys:
        return []
    told = " Averages, ranks by them, win rates and strengths leave them out." if toys[0].aside else ""
    return [toy_sets.note([column.name for column in toys]) + told]


def _mixed(made: Board) -> list[str]:
    """A note for every suite or category whose mean is over toy sets and other tasks."""
    toys = {column.name for column in made.columns if column.toy}
    mixed = [name for name, tasks in made.groups.items() if len({task in toys for task in tasks}) > 1]
    return [f"{name}: the mean is over toy sets and other tasks" for name in mixed]


def _newest(runs: Iterable[Run]) -> tuple[dict[tuple[str, str], Cell], list[str]]:
    runs = list(runs)
    digests: dict[str, set[str]] = {}
    for run in runs:
        digests.setdefault(run.model, set()).add(str(run.manifest.model.get("digest", "")))
    found: dict[tuple[str, str], Cell] = {}
    for run in sorted(runs, key=lambda run: run.manifest.created):
        # Two sets of weights under one name are two models.
        twice = len(digests[run.model]) > 1
        name = f"{run.model}@{str(run.manifest.model.get('digest', ''))[:8]}" if twice else run.model
        for entry in run.manifest.tasks:
            metric = entry.result.metric() if entry.result else None
            if metric is not None and math.isfinite(metric.estimate.value):
                before = found.get((name, entry.name))
                found[name, entry.name] = Cell(run, entry, metric, before.older + 1 if before else 0)
    notes = [f"{task}, {m}: the newest of {c.older + 1} results" for (m, task), c in found.items() if c.older]
    for (model, task), cell in found.items():
        subset = cell.entry.identity.get("subset", "–")
        if subset != "–":
            notes.append(f"{task}, {model}: the whole set's mean as estimated from {subset.partition('@')[0]}")
    return found, notes


def _groups(runs: Iterable[Run]) -> dict[str, list[str]]:
    """Suites and their categories, each with its tasks."""
    found: dict[str, list[str]] = {}
    for run in runs:
        for suite in run.manifest.suites:
            of = {suite.name: run.manifest.tasks_of(suite)}
            for one in dict.fromkeys(member.category for member in suite.members if member.category):
                of[f"{suite.name} / {one}"] = run.manifest.tasks_of(suite, one)
            for name, members in of.items():
                found[name] = list(dict.fromkeys((*found.get(name, ()), *members)))
    return found
