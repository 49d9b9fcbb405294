"""Strengths as they would be at equal style: length, headers, lists and bold as covariates of Bradley–Terry.

Method: the Chatbot Arena's style control (Li et al. 2024, https://lmsys.org/blog/2024-08-28-style-control): logit
P(i beats j) = θ_i - θ_j + γ·z, where z has, for each feature, (f_i - f_j) / (f_i + f_j). It is divided here by its root
mean square, not centred, so that a battle told the other way round says the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core import Estimate
from evalkit.stats.paired_bootstrap import expanded
from evalkit.stats.tournaments.battles import Battles, Connection
from evalkit.stats.tournaments.logistic import sigmoid
from evalkit.stats.tournaments.standing import PRIOR, Place, places_of, standing

if TYPE_CHECKING:
    from evalkit.core import FloatRows

FEATURES = ("length", "headers", "lists", "bold")
_FENCE = re.compile(r"(?ms)^[ \t]*(```|~~~).*?^[ \t]*\1[ \t]*$")
_HEADER = re.compile(r"(?m)^ {0,3}#{1,6}[ \t]+\S")
_ITEM = re.compile(r"(?m)^[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+\S")
_BOLD = re.compile(r"\*\*[^*\s](?:[^*\n]*[^*\s])?\*\*|__[^_\s](?:[^_\n]*[^_\s])?__")
_STEPS, _PRECISE, _LONGEST, _WILD = 100, 1e-11, 2.0, 10.0


def style_of(text: str) -> tuple[int, int, int, int]:
    """(characters, headers, list items, bold passages) of a text in Markdown; what stands in code counts as length."""
    prose = _FENCE.sub("", text)
    return len(text), len(_HEADER.findall(prose)), len(_ITEM.findall(prose)), len(_BOLD.findall(prose))


def gaps(first: FloatRows, second: FloatRows) -> FloatRows:
    """z of every battle, from the features (n, d) of both answers: relative differences over their root mean square; 0
    where neither answer has any of a feature."""
    total = first + second
    ratio = np.divide(first - second, total, out=np.zeros_like(total, dtype=np.float64), where=total > 0)
    spread = np.sqrt((ratio**2).mean(0))
    scaled: FloatRows = np.divide(ratio, spread, out=np.zeros_like(ratio), where=spread > 0)
    return scaled


@dataclass(frozen=True, slots=True)
class StyleFit:
    """Places at equal style, and how much each feature of `FEATURES` moves the log-odds, per unit of its spread."""

    places: tuple[Place, ...]
    coefficients: tuple[Estimate, ...]
    connection: Connection


def style_fit(battles: Battles, z: FloatRows) -> tuple[FloatRows, FloatRows]:
    """(θ of shape (k,), their mean 0; γ of shape (d,)) by maximum likelihood; a feature that never differs has γ = 0.

    A tie is half a win for each. Where a model has no loss or no win, `PRIOR` ties are added to every pair that met.
    """
    design, value, weight = _rows(battles, z)
    if not Connection.of(_table(battles)).is_finite:
        weight[len(z) :] = PRIOR
    beta = _fitted(design, value, weight, len(battles.models))
    theta = beta[: len(battles.models)]
    return theta - theta.mean(), beta[len(battles.models) :]


def style_standing(
    battles: Battles, z: FloatRows, *, resamples: int = 400, confidence: float = 0.95, seed: int = 1
) -> StyleFit:
    """`standing` at equal style: intervals are percentiles over questions drawn with replacement, each fitted anew, and
    reach at least as far as those without style."""
    design, value, weight = _rows(battles, z)
    size, questions = len(battles.models), int(battles.question.max()) + 1
    connection = Connection.of(_table(battles))
    if not connection.is_finite:
        weight[len(z) :] = PRIOR
    beta = _fitted(design, value, weight, size)
    rng = np.random.default_rng(seed)
    drawn = np.empty((resamples, len(beta)))
    for number in range(resamples):
        times = np.bincount(rng.integers(questions, size=questions), minlength=questions)[battles.question]
        again = np.concatenate([times, weight[len(z) :]])
        drawn[number] = _fitted(design, value, again, size, beta)
        if np.abs(drawn[number, :size]).max() > _WILD:
            # A resample without a maximum has the prior, too.
            again[len(z) :] = PRIOR
            drawn[number] = _fitted(design, value, again, size, beta)
    drawn[:, :size] -= drawn[:, :size].mean(1, keepdims=True)
    beta[:size] -= beta[:size].mean()
    tail = expanded((1.0 - confidence) / 2.0, max(2, questions))
    low, high = np.quantile(drawn, (tail, 1.0 - tail), 0) if questions > 1 else np.full((2, len(beta)), np.nan)
    if questions > 1:
        # What style explains is one more thing to be learned: no strength is known better than without it.
        plain = {place.model: place.strength for place in standing(battles, resamples=resamples, seed=seed)[0]}
        for i, model in enumerate(battles.models):
            known = plain[model]
            low[i] = min(low[i], beta[i] - (known.value - known.low))
            high[i] = max(high[i], beta[i] + (known.high - known.value))
    how = "bootstrap over questions, at equal style"
    if not connection.is_finite:
        how += f", prior of {PRIOR:g} ties a pair"
    n = len(battles.value)
    coefficients = tuple(
        Estimate(float(beta[i]), float(low[i]), float(high[i]), n, how, confidence) for i in range(size, len(beta))
    )
    places = places_of(battles, connection, beta[:size], low[:size], high[:size], how, confidence)
    return StyleFit(places, coefficients, connection)


def _table(battles: Battles) -> FloatRows:
    wins, ties = battles.counts()
    return wins + ties / 2.0


def _rows(battles: Battles, z: FloatRows) -> tuple[FloatRows, FloatRows, FloatRows]:
    """(design (m, k + d), value (m,), weight (m,)): the battles, and behind them a tie of every pair that met, whose
    weight is 0 until a fit needs it."""
    table = _table(battles)
    n, size = len(battles.value), len(battles.models)
    pairs = np.argwhere(np.triu((table + table.T) > 0, 1))
    design = np.zeros((n + len(pairs), size + z.shape[1]))
    first, second = np.append(battles.first, pairs[:, 0]), np.append(battles.second, pairs[:, 1])
    design[np.arange(len(design)), first] = 1.0
    design[np.arange(len(design)), second] = -1.0
    design[:n, size:] = z
    value = np.append(battles.value, np.full(len(pairs), 0.5))
    return design, value, np.append(np.ones(n), np.zeros(len(pairs)))


def _fitted(
    design: FloatRows, value: FloatRows, weight: FloatRows, size: int, start: Sequence[float] | FloatRows | None = None
) -> FloatRows:
    """Newton's maximum. The ones pin the mean of θ, which no battle tells; a little ridge, a feature that is constant
    or separates a resample."""
    beta = np.zeros(design.shape[1]) if start is None else np.array(start, dtype=np.float64)
    ones = np.zeros((design.shape[1], design.shape[1]))
    ones[:size, :size] = 1.0 / size
    ridge = 1e-8 * np.eye(design.shape[1])
    for _ in range(_STEPS):
        p = sigmoid(design @ beta)
        gradient = design.T @ (weight * (value - p)) - 1e-8 * beta
        hessian = (design.T * (weight * p * (1.0 - p))) @ design
        step = np.linalg.solve(hessian + ones + ridge, gradient)
        step *= min(1.0, _LONGEST / max(float(np.abs(step).max()), 1e-300))
        beta = beta + step
        if np.abs(step).max() < _PRECISE:
            break
    return beta
