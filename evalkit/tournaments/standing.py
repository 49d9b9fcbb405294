"""The standing of a tournament: strengths with intervals from a bootstrap over questions, ranks, win rates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core import Estimate
from evalkit.tournaments.battles import Battles, Connection, win_rate
from evalkit.tournaments.strength import bradley_terry

if TYPE_CHECKING:
    from evalkit.core import FloatRows

PRIOR = 0.5
"""So many ties are added to every pair that met, where the strengths have no maximum otherwise."""
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

    Bradley–Terry strengths with percentile intervals over questions: all battles of a question are drawn together.
    Where a model has no loss or no win, the bound on that side is infinite and the value is one with `PRIOR`; a
    resample without a maximum has that prior, too. Groups that never met have ranks within each group, and strengths
    against their group's mean.
    """
    wins, ties = battles.counts()
    table = wins + ties / 2.0
    connection = Connection.of(table)
    value, how = np.zeros(len(table)), "bootstrap over questions"
    drawn = _drawn(battles, resamples, seed)
    low, high = np.zeros(len(table)), np.zeros(len(table))
    tails = ((1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0)
    few = int(battles.question.max()) < 1
    for group in connection.groups:
        inside = np.array(group)
        prior = 0.0 if connection.is_finite or _is_finite(table[np.ix_(inside, inside)]) else PRIOR
        value[inside] = bradley_terry(table[np.ix_(inside, inside)], prior=prior)
        strengths = _strengths(drawn[:, inside[:, None], inside[None, :]])
        low[inside], high[inside] = np.full((2, len(inside)), math.nan) if few else np.quantile(strengths, tails, 0)
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


def _is_finite(table: FloatRows) -> bool:
    return Connection.of(table).is_finite


def _strengths(tables: FloatRows) -> FloatRows:
    """Strengths of every resample. One without a maximum is found by its size and fitted again with the prior."""
    found = bradley_terry(tables, prior=1e-9)
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
