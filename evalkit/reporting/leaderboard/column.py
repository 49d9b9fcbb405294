"""One task of a leaderboard: every model's result on it, and how each two models differ sample by sample."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalkit.comparing.sample_values import SampleValues, value_of_rows
from evalkit.reporting.leaderboard.cell import Cell
from evalkit.reporting.leaderboard.strengths import scatter_of_wins
from evalkit.reporting.ranking import Rank, rank
from evalkit.runs.store import Run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evalkit.core import Ends
    from evalkit.stats.verdict import Verdict

    Matrix = NDArray[np.float64]

_NOISE = 0.2


@dataclass(slots=True)
class LeaderboardColumn:
    """One task. `counts` says whether it can be in an average: a proportion where more is better. `toy`: its rows
    are a toy set; `aside`: it is one beside other tasks, so that no number over several tasks is of it. `questions`
    names its data, so that two tasks over the same are known for it.

    `difference[i, j]`, `error[i, j]`: model i less model j, turned so that more is better, and how sure that is (see
    `error_of`); `low`, `high` are its 95 % interval, as `evalkit compare` has it; `paired` says of how many samples.
    `wins[i, j]`: on how many samples i scored more than j, ties as halves. `scatter[i, j]`: how such wins of i and of j
    vary together, from which the error of strengths is made (`strengths.py`).
    """

    name: str
    metric: str
    scale: str
    higher_is_better: bool
    difference: Matrix
    error: Matrix
    paired: Matrix
    wins: Matrix
    low: Matrix
    high: Matrix
    scatter: Matrix
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


def common_metric(cells: Sequence[Cell | None]) -> str:
    names = [cell.metric.name for cell in cells if cell]
    return max(dict.fromkeys(names), key=names.count)


def column_of(task: str, cells: list[Cell | None], values_of: Callable[[Run], SampleValues]) -> LeaderboardColumn:
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
        low=np.full((size, size), math.nan),
        high=np.full((size, size), math.nan),
        scatter=np.zeros((size, size)),
        cells=cells,
        toy=any(cell.entry.toy for cell in cells if cell),
        questions=next((cell.entry.identity["data"] for cell in cells if cell and "data" in cell.entry.identity), task),
    )
    asked = {(c.entry.result.samples_digest, c.entry.result.prompts_digest) for c in cells if c and c.entry.result}
    column.alike = len(asked) == 1
    values, clusters = _values(task, cells, values_of)
    for i, one in enumerate(cells):
        for j, other in enumerate(cells):
            if i < j and one and other:
                _compare(column, i, j, sign, values, clusters)
    if all(found is not None for found in values):
        column.scatter = scatter_of_wins(np.array([sign * found for found in values if found is not None]), clusters)
    levels = [sign * cell.estimate.value if cell else math.nan for cell in cells]
    column.ranks = rank(levels, column.difference, column.error)
    return column


def _compare(
    column: LeaderboardColumn, i: int, j: int, sign: float, values: Sequence[Matrix | None], clusters: NDArray[np.int64]
) -> None:
    """Paired where both are means of samples that they share; else from the two intervals."""
    import numpy as np

    from evalkit.stats.intervals import quantile

    one, other = column.cells[i], column.cells[j]
    assert one is not None and other is not None
    left, right = values[i], values[j]
    ends = (0.0, 1.0) if column.scale == "proportion" else (None, None)
    both = np.isfinite(left) & np.isfinite(right) if left is not None and right is not None else np.zeros(0, bool)
    if left is None or right is None or both.sum() < 2:
        column.difference[i, j] = sign * (one.estimate.value - other.estimate.value)
        column.error[i, j] = math.hypot(one.error, other.error)
        reach = quantile(one.estimate.confidence) * column.error[i, j]
        column.low[i, j], column.high[i, j] = column.difference[i, j] - reach, column.difference[i, j] + reach
        _mirror(column, i, j)
        return
    change = sign * (left[both] - right[both])
    column.difference[i, j] = change.mean()
    found = _paired(sign * right[both], sign * left[both], clusters[both], ends)
    column.error[i, j] = error_of(found)
    column.low[i, j], column.high[i, j] = found.low, found.high
    column.paired[i, j] = both.sum()
    column.wins[i, j] = (change > 0).sum() + 0.5 * (change == 0).sum()
    _mirror(column, i, j)


def _mirror(column: LeaderboardColumn, i: int, j: int) -> None:
    """The same comparison, seen from the other model."""
    column.difference[j, i], column.error[j, i] = -column.difference[i, j], column.error[i, j]
    column.low[j, i], column.high[j, i] = -column.high[i, j], -column.low[i, j]
    column.paired[j, i], column.wins[j, i] = column.paired[i, j], column.paired[i, j] - column.wins[i, j]


def _paired(before: Matrix, after: Matrix, clusters: NDArray[np.int64], ends: Ends) -> Verdict:
    """What the engine says of a paired difference; a scale's ends count where the values lie within them."""
    from evalkit.stats.paired import paired_interval

    lowest, highest = ends
    inside = lowest is None or (min(before.min(), after.min()) >= lowest and max(before.max(), after.max()) <= highest)
    return paired_interval(before, after, clusters, strict=True, ends=ends if inside else (None, None))


def error_of(found: Verdict) -> float:
    """The error by which a z test says of a paired difference what the engine says of it: unseen changes and the
    degrees of freedom of few clusters are in it. NaN where nothing is known.

    A difference that no test would see (p above `_NOISE`) has the error of its interval: the one that its p implies
    grows without bound as the difference goes to 0, and would hide what other tasks of an average show.
    """
    from scipy import special

    from evalkit.stats.intervals import quantile

    p = found.p_value
    if math.isfinite(p) and 0.0 < p <= _NOISE and found.value != 0.0:
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
            cell.seconds, cell.model_cost = seconds / count, priced / count
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
