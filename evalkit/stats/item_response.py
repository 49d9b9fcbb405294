"""How hard each question is, and how well it tells models apart, from the answers of several models.

The two-parameter logistic model (Birnbaum 1968): a model of ability θ is right on question i with probability
1/(1 + exp(-(a_i·θ + c_i))), a_i > 0 the question's discrimination and -c_i/a_i its difficulty. A score between 0 and 1
is taken as that part of a right answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.core import FloatRows, IntArray

_SLOPES, _LEVELS = 0.4, 2.0
"""Standard deviations that log a and c are expected to have: a few models say little of
one question, and its curve then stays close to that of the others."""
_GRID = np.linspace(-5.0, 5.0, 401)
_ITERATIONS = 200


@dataclass(frozen=True, slots=True, eq=False)
class ItemCurves:
    """`slopes` and `levels` (a and c, shape (N,)) of N questions, and the `abilities` (M,) of the models behind
    them."""

    slopes: FloatRows
    levels: FloatRows
    abilities: FloatRows

    def expected(self, ability: float) -> FloatRows:
        """The score that a model of this ability is expected to have on every question, shape (N,)."""
        from scipy import special

        return np.asarray(special.expit(self.slopes * ability + self.levels))

    @property
    def difficulty(self) -> FloatRows:
        """1 minus the expected score, on average over the models that the curves were learned from; shape (N,)."""
        return np.asarray(1.0 - np.mean([self.expected(float(one)) for one in self.abilities], axis=0))

    def ability(self, places: IntArray, scores: FloatRows) -> float:
        """The most likely ability of a model with these `scores` (between 0 and 1) on the questions at `places`."""
        logits = _GRID[:, None] * self.slopes[places] + self.levels[places]
        likelihood = (scores * logits - np.logaddexp(0.0, logits)).sum(axis=1)
        return float(_GRID[int(np.argmax(likelihood - _GRID**2 / 8.0))])


def item_curves(scores: FloatRows) -> ItemCurves:
    """The curves of N questions from `scores` of shape (M, N) between 0 and 1, NaN where a model has none.

    The mode of the posterior with θ ~ N(0, 1), log a ~ N(0, 0.4²) and c ~ N(m, 2²), m the logit of the mean score.
    Raises ValueError where no score is known, and for scores out of range.
    """
    from scipy import optimize, special

    known = np.isfinite(scores)
    filled = np.where(known, scores, 0.0)
    if not known.any() or float(filled.min()) < 0.0 or float(filled.max()) > 1.0:
        raise ValueError("item curves are learned from scores between 0 and 1")
    questions = scores.shape[1]
    level = float(special.logit(np.clip(filled.sum() / known.sum(), 0.01, 0.99)))

    def loss(free: FloatRows) -> tuple[float, FloatRows]:
        logs, levels, abilities = free[:questions], free[questions : 2 * questions], free[2 * questions :]
        slopes = np.exp(logs)
        logits = abilities[:, None] * slopes + levels
        value = float(np.where(known, np.logaddexp(0.0, logits) - filled * logits, 0.0).sum())
        value += (
            float((logs @ logs) / _SLOPES**2 + ((levels - level) ** 2).sum() / _LEVELS**2 + abilities @ abilities) / 2
        )
        error = np.where(known, special.expit(logits) - filled, 0.0)
        of_logs = (error * abilities[:, None]).sum(axis=0) * slopes + logs / _SLOPES**2
        of_levels = error.sum(axis=0) + (levels - level) / _LEVELS**2
        return value, np.concatenate([of_logs, of_levels, (error * slopes).sum(axis=1) + abilities])

    means = filled.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    start = np.concatenate(
        [np.zeros(questions), np.full(questions, level), special.logit(np.clip(means, 0.02, 0.98)) - level]
    )
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS}).x
    return ItemCurves(np.exp(found[:questions]), found[questions : 2 * questions], found[2 * questions :])
