"""What a leaderboard shows: the newest result of every model on every task, and how models differ sample by sample."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalkit.comparing.sample_values import SampleValues, value_of_rows
from evalkit.core import Estimate, toy_sets
from evalkit.reporting.leaderboard_cell import Cell, Memory
from evalkit.reporting.ranking import Rank, bradley_terry, rank
from evalkit.runs.store import Run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evalkit.core import Ends

    Matrix = NDArray[np.float64]


@dataclass(slots=True)
class LeaderboardColumn:
    """One task. `counts` says whether it can stand in an average: a proportion where more is better. `toy`: its rows
    are a toy set; `aside`: it is one beside other tasks, so that no number over several tasks is of it. `questions`
    names its data, so that two tasks over the same are known for it.

    `difference[i, j]`, `error[i, j]`: model i less model j, turned so that more is better, and how sure that is (see
    `_error`); `paired` says of how many
    samples. `wins[i, j]`: on how many samples i scored more than j, ties as halves.
    """

    name: str
    metric: str
    scale: str
    higher_is_better: bool
    difference: Matrix
    error: Matrix
    paired: Matrix
    wins: Matrix
    cells: list[Cell | None]
    ranks: list[Rank] = field(default_factory=list)
    alike: bool = True
    toy: bool = False
    aside: bool = False
    questions: str = ""

    @property
    def is_share(self) -> bool:
        return self.scale == "proportion" and self.higher_is_better

    @property
    def counts(self) -> bool:
        return self.is_share and not self.aside

    @property
    def ends(self) -> tuple[float, float]:
        """Where a drawn line begins and ends."""
        if self.scale == "proportion":
            return 0.0, 1.0
        known = [n for c in self.cells if c for n in (c.estimate.low, c.estimate.high, c.estimate.value)]
        finite = [n for n in known if math.isfinite(n)]
        return min(finite, default=0.0), max(finite, default=1.0)


@dataclass(slots=True)
class Board:
    """Models × tasks. `average` has the mean over the columns that count, for models that have all of them."""

    models: list[str]
    columns: list[LeaderboardColumn]
    groups: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    average: list[Estimate | None] = field(default_factory=list)
    ranks: list[Rank] = field(default_factory=list)
    strengths: list[float] = field(default_factory=list)

    @property
    def counted(self) -> list[LeaderboardColumn]:
        return [column for column in self.columns if column.counts]

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
        """Seconds or cost of a sample, the mean over the columns that count (all, if none does); NaN if unknown."""
        cells = [column.cells[model] for column in self.counted or self.columns]
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
    import numpy as np

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
        metric = _common_metric(cells)
        for place, cell in enumerate(cells):
            shown = cell.entry.result.metric(metric) if cell and cell.entry.result else None
            if cell and shown:
                cell.metric = shown
            elif cell:
                notes.append(f"{task}: {models[place]} has no {metric}")
                cells[place] = None
        columns.append(_column(task, cells, values_of))
    made = Board(models, columns, _groups(runs), _set_toys_aside(columns) + notes)
    made.notes += _mixed(made)
    made.notes += [f"{c.name}: the models were not all asked the same (data or prompt)" for c in columns if not c.alike]
    _average(made)
    made.strengths = bradley_terry(sum((c.wins for c in made.common), np.zeros((len(models), len(models)))))
    made.notes += _left_out_of_wins(made)
    return made


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
            told.append(f"{column.name}: no part of wins, since {column.metric} is no mean over samples that all share")
    return told


def _set_toys_aside(columns: Sequence[LeaderboardColumn]) -> list[str]:
    """Marks the toy sets that stand beside other tasks; says which columns are toy sets, and what they count for."""
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


def _common_metric(cells: Sequence[Cell | None]) -> str:
    names = [cell.metric.name for cell in cells if cell]
    return max(dict.fromkeys(names), key=names.count)


def _column(task: str, cells: list[Cell | None], values_of: Callable[[Run], SampleValues]) -> LeaderboardColumn:
    import numpy as np

    first = next(cell for cell in cells if cell)
    sign = 1.0 if first.metric.higher_is_better else -1.0
    size = len(cells)
    column = LeaderboardColumn(
        task,
        first.metric.name,
        first.metric.scale,
        first.metric.higher_is_better,
        difference=np.full((size, size), math.nan),
        error=np.full((size, size), math.nan),
        paired=np.zeros((size, size)),
        wins=np.zeros((size, size)),
        cells=cells,
        toy=any(cell.entry.toy for cell in cells if cell),
        questions=next((cell.entry.identity["data"] for cell in cells if cell and "data" in cell.entry.identity), task),
    )
    asked = {(c.entry.result.samples_digest, c.entry.result.prompts_digest) for c in cells if c and c.entry.result}
    column.alike = len(asked) == 1
    values, clusters = _values(task, cells, values_of)
    for i, one in enumerate(cells):
        for j, other in enumerate(cells):
            if i != j and one and other:
                _compare(column, i, j, sign, values, clusters)
    levels = [sign * cell.estimate.value if cell else math.nan for cell in cells]
    column.ranks = rank(levels, column.difference, column.error)
    return column


def _compare(
    column: LeaderboardColumn, i: int, j: int, sign: float, values: Sequence[Matrix | None], clusters: NDArray[np.int64]
) -> None:
    """Paired where both are means of samples that they share; else from the two intervals."""
    import numpy as np

    one, other = column.cells[i], column.cells[j]
    assert one is not None and other is not None
    left, right = values[i], values[j]
    ends = (0.0, 1.0) if column.scale == "proportion" else (None, None)
    both = np.isfinite(left) & np.isfinite(right) if left is not None and right is not None else np.zeros(0, bool)
    if left is None or right is None or both.sum() < 2:
        column.difference[i, j] = sign * (one.estimate.value - other.estimate.value)
        column.error[i, j] = math.hypot(one.error, other.error)
        return
    change = sign * (left[both] - right[both])
    column.difference[i, j] = change.mean()
    column.error[i, j] = _error(sign * right[both], sign * left[both], clusters[both], ends)
    column.paired[i, j] = both.sum()
    column.wins[i, j] = (change > 0).sum() + 0.5 * (change == 0).sum()


def _error(before: Matrix, after: Matrix, clusters: NDArray[np.int64], ends: Ends) -> float:
    """The error by which a z test says of a paired difference what the engine says of it: unseen changes and the
    degrees of freedom of few clusters are in it. NaN where nothing is known."""
    from scipy import special

    from evalkit.stats.intervals import quantile
    from evalkit.stats.paired import paired_interval

    lowest, highest = ends
    inside = lowest is None or (min(before.min(), after.min()) >= lowest and max(before.max(), after.max()) <= highest)
    found = paired_interval(before, after, clusters, strict=True, ends=ends if inside else (None, None))
    p = found.p_value
    if math.isfinite(p) and 0.0 < p < 1.0 and found.value != 0.0:
        return abs(found.value) / -float(special.ndtri(p / 2.0))
    return (found.high - found.low) / 2.0 / quantile(found.confidence)


def _values(
    task: str, cells: Sequence[Cell | None], values_of: Callable[[Run], SampleValues]
) -> tuple[list[Matrix | None], NDArray[np.int64]]:
    """Every model's score of every sample of the task, (n,) with NaN where there is none; None where the metric is
    not the mean of such scores. Repeats are averaged. Besides, the number of each sample's cluster."""
    import numpy as np

    places: dict[str, int] = {}
    clusters: list[str] = []
    columns: list[dict[int, float]] = []
    for cell in cells:
        rows: dict[int, list[tuple[float, ...]]] = {}
        if cell is None:
            columns.append({})
            continue
        known = values_of(cell.run)
        seconds, priced, count = 0.0, 0.0, 0
        for record in cell.run.records(task):
            place = places.setdefault(record.sample.id, len(places))
            if place == len(clusters):
                clusters.append(record.sample.cluster or f"\0{place}")
            row = known.row(record, cell.metric.name)
            if row is not None:
                rows.setdefault(place, []).append(row)
            seconds += sum(reply.seconds for reply in record.replies)
            priced += math.nan if record.cost is None else record.cost
            count += 1
        if count:
            cell.seconds, cell.cost = seconds / count, priced / count
        metric = known.metric(task, cell.metric.name)
        columns.append({place: value_of_rows(metric, one) for place, one in rows.items()})
    found: list[Matrix | None] = []
    for cell, of_places in zip(cells, columns, strict=True):
        values = np.full(len(places), math.nan)
        for place, value in of_places.items():
            values[place] = value
        measured = values[np.isfinite(values)]
        mean = float(measured.mean()) if len(measured) else math.nan
        same = cell is not None and math.isclose(mean, cell.estimate.value, rel_tol=1e-9, abs_tol=1e-12)
        found.append(values if same else None)
    _, numbers = np.unique(np.asarray(clusters, dtype=object).astype(str), return_inverse=True)
    return found, numbers.astype(np.int64)


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


def _average(made: Board) -> None:
    """Averages with equal weights and the ranks by them."""
    import numpy as np

    from evalkit.stats import combined_interval

    columns, size = made.counted, len(made.models)
    questions = [column.questions for column in columns]
    for model in range(size):
        cells = [column.cells[model] for column in columns]
        whole = [cell.estimate for cell in cells if cell]
        made.average.append(
            combined_interval(whole, [1.0] * len(whole), questions) if whole and len(whole) == len(cells) else None
        )
    if not columns:
        return
    difference: Matrix = np.mean([column.difference for column in columns], axis=0)
    # Tasks over the same questions may move together, as much as they can.
    parts = [np.sum([c.error for c in columns if c.questions == name], axis=0) for name in dict.fromkeys(questions)]
    error: Matrix = np.sqrt(np.sum(np.square(parts), axis=0)) / len(columns)
    made.ranks = rank([one.value if one else math.nan for one in made.average], difference, error)
