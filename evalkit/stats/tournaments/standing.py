"""The standing of a tournament: strengths with intervals from a bootstrap over questions, ranks, win rates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core import Estimate
from evalkit.stats.paired_bootstrap import expanded
from evalkit.stats.tournaments.battles import Battles, Connection, win_rate
from evalkit.stats.tournaments.logistic import sigmoid
from evalkit.stats.tournaments.strength import bradley_terry

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

PRIOR = 0.5
"""So many ties are added to every pair that met, where the strengths have no maximum otherwise."""
FEW = 10
"""With fewer wins or losses of a model than this, resamples say too little of how rare they are."""
_CHUNK_CELLS = 2_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """One model's place. `rank` is 1 + the number of models whose lower bound lies above this one's upper bound;
    `worst` is the rank where all whose interval overlaps were better. `strength` is log-odds against the mean."""

    model: str
    strength: Estimate
    rank: int
    worst: int
    rate: Estimate


def standing(
    battles: Battles, *, resamples: int = 1000, confidence: float = 0.95, seed: int = 1
) -> tuple[tuple[Place, ...], Connection]:
    """All models, strongest first, and what the comparisons leave open.

    Bradley–Terry strengths with percentile intervals over questions, expanded to t's quantile (Hesterberg 2015): all
    battles of a question are drawn together.
    Where a model has no loss or no win, the bound on that side is infinite and the value is one with `PRIOR`; a
    resample without a maximum has that prior, too. Groups that never met have ranks within each group, and strengths
    against their group's mean. Where a model has fewer than `FEW` wins or losses, the bounds are the hull of the
    bootstrap's and of those that the intervals of the win rates come to.
    """
    wins, ties = battles.counts()
    table = wins + ties / 2.0
    connection = Connection.of(table)
    value, how = np.zeros(len(table)), "bootstrap over questions"
    drawn = _drawn(battles, resamples, seed)
    low, high = np.zeros(len(table)), np.zeros(len(table))
    tail = expanded((1.0 - confidence) / 2.0, max(2, int(battles.question.max()) + 1))
    few = int(battles.question.max()) < 1
    for group in connection.groups:
        inside = np.array(group)
        prior = 0.0 if connection.is_finite or _is_finite(table[np.ix_(inside, inside)]) else PRIOR
        value[inside] = bradley_terry(table[np.ix_(inside, inside)], prior=prior)
        strengths = _strengths(drawn[:, inside[:, None], inside[None, :]], value[inside])
        ends = np.full((2, len(inside)), math.nan) if few else np.quantile(strengths, (tail, 1.0 - tail), 0)
        if not few and _is_sparse(table[np.ix_(inside, inside)]):
            rated = _from_rates(battles, table, inside, value[inside], ends, confidence)
            ends = np.stack([np.minimum(ends[0], rated[0]), np.maximum(ends[1], rated[1])])
            how = "hull of the bootstrap over questions and of win rates"
        low[inside], high[inside] = ends
    if not connection.is_finite:
        how += f", prior of {PRIOR:g} ties a pair"
    return places_of(battles, connection, value, low, high, how, confidence), connection


def places_of(
    battles: Battles,
    connection: Connection,
    value: FloatRows,
    low: FloatRows,
    high: FloatRows,
    how: str,
    confidence: float,
) -> tuple[Place, ...]:
    """All models, strongest first, from strengths and their bounds, each of shape (k,). A bound that nothing holds is
    infinite."""
    high, low = high.copy(), low.copy()
    high[list(connection.unbeaten)] = math.inf
    low[list(connection.winless)] = -math.inf
    n = len(battles.value)
    places = []
    for i, model in enumerate(battles.models):
        mine = next(group for group in connection.groups if i in group)
        above = sum(low[j] > high[i] for j in mine)
        below = sum(high[j] < low[i] for j in mine)
        estimate = Estimate(float(value[i]), float(low[i]), float(high[i]), n, how, confidence)
        rate = win_rate(battles, i, confidence=confidence)
        places.append(Place(model, estimate, 1 + int(above), len(mine) - int(below), rate))
    return tuple(sorted(places, key=lambda place: -place.strength.value))


def _is_sparse(table: FloatRows) -> bool:
    return float(min(table.sum(0).min(), table.sum(1).min())) < FEW


def _from_rates(
    battles: Battles, table: FloatRows, inside: IntArray, theta: FloatRows, ends: FloatRows, confidence: float
) -> tuple[FloatRows, FloatRows]:
    """Bounds of shape (2, k) from each win rate: the strengths at which the ends of its interval would be
    expected, the others held, put together for the distance to the mean (MOVER). What is open moves the others as far
    as the bootstrap's `ends`."""
    size = len(inside)
    below, above = np.zeros((2, size))
    games = (table + table.T)[np.ix_(inside, inside)]
    for i, model in enumerate(inside):
        rate = win_rate(battles, int(model), confidence=confidence)
        below[i] = theta[i] - _strength_at(rate.low, games[i], theta, i)
        above[i] = _strength_at(rate.high, games[i], theta, i) - theta[i]
    below, above = np.maximum(below, 0.0), np.maximum(above, 0.0)
    # The distance to the mean holds 1 - 1/k of a model's own strength, and 1/k of each other's the other way.
    mine, others = (1.0 - 1.0 / size) ** 2, ~np.eye(size, dtype=bool)
    reach = [np.where(np.isfinite(far), far, abs(end - theta)) for far, end in ((below, ends[0]), (above, ends[1]))]
    down = np.sqrt(mine * below**2 + np.array([(reach[1][row] ** 2).sum() for row in others]) / size**2)
    up = np.sqrt(mine * above**2 + np.array([(reach[0][row] ** 2).sum() for row in others]) / size**2)
    return theta - down, theta + up


def _strength_at(rate: float, games: FloatRows, theta: FloatRows, place: int) -> float:
    """The strength of the model at `place` at which its expected win rate is `rate`."""
    from scipy.optimize import brentq

    others = np.arange(len(theta)) != place
    played, against = games[others], theta[others]
    if not 0.0 < rate < 1.0:
        return math.copysign(math.inf, rate - 0.5) if rate in (0.0, 1.0) else math.nan

    def beyond(x: float) -> float:
        return float(played @ sigmoid(x - against) / played.sum()) - rate

    reach = 40.0 + float(np.abs(theta).max())
    return float(brentq(beyond, -reach, reach))


def _is_finite(table: FloatRows) -> bool:
    return Connection.of(table).is_finite


def _strengths(tables: FloatRows, near: FloatRows) -> FloatRows:
    """Strengths of every resample. One without a maximum is found by its size and fitted again with the prior."""
    found = bradley_terry(tables, prior=1e-9, start=near)
    wild = np.abs(found).max(-1) > 10.0
    if wild.any():
        found[wild] = bradley_terry(tables[wild], prior=PRIOR)
    return found


def _drawn(battles: Battles, resamples: int, seed: int) -> FloatRows:
    """Tables of wins, ties as half, of shape (resamples, k, k): questions drawn with replacement."""
    wins, ties = battles.per_question()
    questions, size = len(wins), len(battles.models)
    units = (wins + ties / 2.0).reshape(questions, -1)
    rng = np.random.default_rng(seed)
    chunk = max(1, _CHUNK_CELLS // questions)
    parts = []
    for start in range(0, resamples, chunk):
        count = min(chunk, resamples - start)
        times = rng.multinomial(questions, np.full(questions, 1.0 / questions), size=count)
        parts.append(times.astype(np.float64) @ units)
    return np.concatenate(parts).reshape(resamples, size, size)
