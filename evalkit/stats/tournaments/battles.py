"""Comparisons of two answers to one question, as columns; who won how often against whom, and what that leaves open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core import Estimate, UsageError
from evalkit.stats.tournaments.rates import rate_interval

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Battles:
    """n comparisons. `first` and `second` index `models`; `value` is 1 where the first won, 0 where it lost, and 0.5
    for a tie (a soft preference must be between); battles of one `question` are not independent."""

    models: tuple[str, ...]
    first: IntArray
    second: IntArray
    value: FloatRows
    question: IntArray

    @staticmethod
    def of(rows: Iterable[tuple[str, str, float, str]], models: Sequence[str] = ()) -> Battles:
        """From (first model, second model, value, question) rows. Raises UsageError for a value outside 0 to 1, for
        a model against itself and where there is no row."""
        taken = list(rows)
        if not taken:
            raise UsageError("there are no comparisons", fix="evalkit judge pairwise RUN_A RUN_B --judge MODEL")
        for one, two, value, question in taken:
            if not 0.0 <= value <= 1.0:
                raise UsageError("a comparison's value must be between 0 and 1", found=f"{value} ({question})")
            if one == two:
                raise UsageError(f"{one!r} is compared with itself", found=question)
        names = tuple(dict.fromkeys([*models, *(name for one, two, _, _ in taken for name in (one, two))]))
        number = {name: place for place, name in enumerate(names)}
        questions: dict[str, int] = {}
        return Battles(
            names,
            np.array([number[one] for one, _, _, _ in taken], dtype=np.int64),
            np.array([number[two] for _, two, _, _ in taken], dtype=np.int64),
            np.array([value for _, _, value, _ in taken], dtype=np.float64),
            np.array([questions.setdefault(q, len(questions)) for _, _, _, q in taken], dtype=np.int64),
        )

    def place(self, model: int | str) -> int:
        """The place of a model by its name. Raises UsageError for one that is not there."""
        known = model in self.models if isinstance(model, str) else 0 <= model < len(self.models)
        if not known:
            raise UsageError(f"no model {model!r} among the comparisons", found=", ".join(self.models)[:200])
        return self.models.index(model) if isinstance(model, str) else model

    def counts(self) -> tuple[FloatRows, FloatRows]:
        """(wins, ties), each of shape (k, k): wins[i, j] of i against j, and ties[i, j] = ties[j, i]. A soft preference
        p counts as p of a win and 1 - p of a loss."""
        wins, ties = np.zeros((2, len(self.models), len(self.models)))
        tied = self.value == 0.5
        np.add.at(wins, (self.first[~tied], self.second[~tied]), self.value[~tied])
        np.add.at(wins, (self.second[~tied], self.first[~tied]), 1.0 - self.value[~tied])
        np.add.at(ties, (self.first[tied], self.second[tied]), 1.0)
        np.add.at(ties, (self.second[tied], self.first[tied]), 1.0)
        return wins, ties

    def per_question(self) -> tuple[FloatRows, FloatRows]:
        """`counts` of every question, each of shape (questions, k, k)."""
        size = (int(self.question.max()) + 1, len(self.models), len(self.models))
        wins, ties = np.zeros((2, *size))
        tied = self.value == 0.5
        q, i, j, v = self.question[~tied], self.first[~tied], self.second[~tied], self.value[~tied]
        np.add.at(wins, (q, i, j), v)
        np.add.at(wins, (q, j, i), 1.0 - v)
        np.add.at(ties, (self.question[tied], self.first[tied], self.second[tied]), 1.0)
        np.add.at(ties, (self.question[tied], self.second[tied], self.first[tied]), 1.0)
        return wins, ties


@dataclass(frozen=True, slots=True)
class Connection:
    """What a table of wins leaves open. A strength is finite where every model can be reached from every other one by
    a chain of wins or ties (Ford 1957)."""

    groups: tuple[tuple[int, ...], ...]
    """Models that were never compared across, one group where all are connected."""
    unbeaten: tuple[int, ...]
    """Models that won all of their comparisons, or are of a set that did against all others."""
    winless: tuple[int, ...]

    @property
    def is_finite(self) -> bool:
        return len(self.groups) == 1 and not self.unbeaten

    @staticmethod
    def of(beaten: FloatRows) -> Connection:
        """Of a matrix (k, k) of wins with ties as half a win."""
        from scipy.sparse.csgraph import connected_components

        edges = beaten > 0
        _, weak = connected_components(edges, directed=True, connection="weak")
        groups = tuple(tuple(np.flatnonzero(weak == g).tolist()) for g in range(int(weak.max()) + 1))
        count, strong = connected_components(edges, directed=True, connection="strong")
        unbeaten: list[int] = []
        winless: list[int] = []
        for part in range(count):
            inside = strong == part
            if not edges[~inside][:, inside].any() and edges[inside][:, ~inside].any():
                unbeaten += np.flatnonzero(inside).tolist()
            if not edges[inside][:, ~inside].any() and edges[~inside][:, inside].any():
                winless += np.flatnonzero(inside).tolist()
        return Connection(groups, tuple(sorted(unbeaten)), tuple(sorted(winless)))

    def words(self, models: Sequence[str]) -> str:
        """What a reader must know, "" where nothing is open."""
        if len(self.groups) > 1:
            listed = "; ".join(", ".join(models[i] for i in group) for group in self.groups)
            return f"these groups were never compared with each other, so ranks hold within each: {listed}"
        found = []
        if self.unbeaten:
            found.append(f"{', '.join(models[i] for i in self.unbeaten)} lost to no other: no upper bound")
        if self.winless:
            found.append(f"{', '.join(models[i] for i in self.winless)} won against no other: no lower bound")
        return "; ".join(found)


def win_rate(
    battles: Battles, model: int | str, against: int | str | None = None, confidence: float = 0.95
) -> Estimate:
    """The proportion of comparisons that a model won, ties as half, against one other or all; clustered by question.

    Models are named, or given by their places in `battles.models`. Raises UsageError for one that is not there.
    """
    model = battles.place(model)
    against = None if against is None else battles.place(against)
    mine = (battles.first == model) | (battles.second == model)
    if against is not None:
        mine &= (battles.first == against) | (battles.second == against)
    value = np.where(battles.first == model, battles.value, 1.0 - battles.value)[mine]
    return rate_interval(value, battles.question[mine], confidence)


def head_to_head(battles: Battles) -> dict[tuple[str, str], tuple[float, float, float, Estimate]]:
    """(wins, ties, losses, win rate) of every model against every other that it met."""
    wins, ties = battles.counts()
    found = {}
    for i, one in enumerate(battles.models):
        for j, two in enumerate(battles.models):
            if i != j and wins[i, j] + wins[j, i] + ties[i, j] > 0:
                found[one, two] = (
                    float(wins[i, j]),
                    float(ties[i, j]),
                    float(wins[j, i]),
                    win_rate(battles, i, j),
                )
    return found
