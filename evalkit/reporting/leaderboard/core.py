"""The tasks that a ranking is of: those that all of its models have, so that one missing task unranks nobody."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalkit.core import Estimate
from evalkit.reporting.leaderboard.column import LeaderboardColumn
from evalkit.reporting.ranking import Rank, rank

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]


@dataclass(slots=True)
class Basis:
    """What a ranking is of. `tasks`: the places of its columns. `left_out`: why every other task is not among them, by
    its place. `unranked`: why a model is not, by its place."""

    tasks: list[int] = field(default_factory=list)
    left_out: dict[int, str] = field(default_factory=dict)
    unranked: dict[int, str] = field(default_factory=dict)


def core_of(columns: Sequence[LeaderboardColumn], models: Sequence[str]) -> Basis:
    """The counted tasks that all models have. Where there is none, the models with the fewest tasks go, one after the
    other, until there is one."""
    counted = [place for place, column in enumerate(columns) if column.counts]
    found = Basis(left_out={place: _why_not(column) for place, column in enumerate(columns) if not column.counts})
    kept = list(range(len(models)))
    while counted and kept:
        found.tasks = [place for place in counted if all(columns[place].cells[model] for model in kept)]
        if found.tasks:
            break
        least = min(kept, key=lambda model: sum(columns[place].cells[model] is not None for place in counted))
        kept.remove(least)
        found.unranked[least] = "no task is common to it and the others"
    for place in counted:
        if place not in found.tasks:
            lacking = [models[model] for model in kept if columns[place].cells[model] is None]
            verb = "lacks" if len(lacking) == 1 else "lack"
            found.left_out[place] = f"{_listed(lacking)} {verb} it"
    return found


def _why_not(column: LeaderboardColumn) -> str:
    if column.aside:
        return "it is a toy set"
    return f"its {column.metric} is not a proportion of right answers"


def _listed(names: Sequence[str], most: int = 3) -> str:
    """`a`, `a and b`, `a, b, c and 4 more`."""
    shown = list(names[:most])
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def ranked_on(
    columns: Sequence[LeaderboardColumn], size: int, unranked: Collection[int]
) -> tuple[list[Estimate | None], list[Rank], Matrix | None, Matrix | None]:
    """(average of every model, ranks by it, the models' differences of averages, their errors), with equal weights."""
    import numpy as np

    from evalkit.stats import combined_interval

    if not columns:
        return [None] * size, [], None, None
    questions = [column.questions for column in columns]
    average: list[Estimate | None] = []
    for model in range(size):
        cells = [column.cells[model] for column in columns]
        whole = [cell.estimate for cell in cells if cell]
        usable = len(whole) == len(cells) and model not in unranked
        average.append(combined_interval(whole, [1.0] * len(whole), questions) if usable else None)
    difference: Matrix = np.mean([column.difference for column in columns], axis=0)
    # Tasks over the same questions may move together, as much as they can.
    parts = [np.sum([c.error for c in columns if c.questions == name], axis=0) for name in dict.fromkeys(questions)]
    error: Matrix = np.sqrt(np.sum(np.square(parts), axis=0)) / len(columns)
    levels = [one.value if one else np.nan for one in average]
    return average, rank(levels, difference, error), difference, error
