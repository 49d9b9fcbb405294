"""What the length-controlled fits of one leaderboard have in common: answers of the baseline, made short and long.

AlpacaEval adds such rows to every model's fit with a weight of 0.2 in all, so that the length coefficient does not
rest on one model's lengths alone (Dubois et al. 2024, arXiv 2404.04475, section 3). Where the rows are known they are
`Anchor.of_rows`. Where they are not, the fits that were released tell: at its optimum the log-loss of a model's own
rows and that of the common rows pull equally hard in opposite directions, so that each released fit gives the
gradient of the common part at its coefficients, and `Anchor.recovered` finds rows that have all of these gradients.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.stats.tournaments.logistic import sigmoid

if TYPE_CHECKING:
    from evalkit.core import FloatRows

_GAPS, _DIFFICULTIES = 7, 8
_WIDEST = 0.96


@dataclass(frozen=True, slots=True, eq=False)
class Released:
    """A model's rows and the coefficients that were released for them: `features` of shape (n, 3) as in
    `length.fit_length`, `preference` of shape (n,), `coefficients` (β₁, β₂, β₃)."""

    features: FloatRows
    preference: FloatRows
    coefficients: tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Anchor:
    """Rows that every fit shares, without the model's own coefficient: their log-loss in (β₁, β₂) is
    Σ w·log(1 + exp(β₁x + β₂d)) - pull·(β₁, β₂).

    `rows` has shape (k, 2), x = tanh(Δ/sd Δ) and d; `pull` is Σ w·p·(x, d).
    """

    rows: FloatRows
    weight: FloatRows
    pull: FloatRows

    @staticmethod
    def of_rows(gap: FloatRows, difficulty: FloatRows, preference: FloatRows, weight: float = 0.1) -> Anchor:
        """From rows that are known: `gap` is Δ/sd(Δ), `weight` that of each (AlpacaEval: 0.2 over two variants)."""
        rows = np.column_stack([np.tanh(gap), difficulty])
        return Anchor(rows, np.full(len(rows), weight), weight * (preference @ rows))

    @staticmethod
    def recovered(fits: Sequence[Released], strengths: FloatRows) -> Anchor:
        """From fits that were released, by non-negative least squares over a grid of rows.

        `strengths` are those that the L1 penalty was chosen from: which it was, the third coefficient's own condition
        says, since no common row has a part in it. Raises ValueError for fewer than three fits.
        """
        from scipy.optimize import nnls

        if len(fits) < 3:
            raise ValueError("three released fits or more tell the rows that they share")
        difficulty = np.concatenate([fit.features[:, 1] for fit in fits])
        middles = (np.arange(_DIFFICULTIES) + 0.5) / _DIFFICULTIES
        gaps = np.linspace(-_WIDEST, _WIDEST, _GAPS)
        grid = np.array([(x, d) for d in np.quantile(difficulty, middles) for x in gaps])
        lines, wanted = [], []
        for fit in fits:
            weight = sigmoid(grid @ np.array(fit.coefficients[:2]))
            for part, target in enumerate(_opposite(fit, strengths)):
                pull = np.zeros(4)
                pull[2 * part : 2 * part + 2] = (-1.0, 1.0)
                lines.append(np.concatenate([weight * grid[:, part], pull]))
                wanted.append(target)
        found, _ = nnls(np.array(lines), np.array(wanted), maxiter=100 * len(grid))
        a, b, c, d = found[len(grid) :]
        kept = found[: len(grid)] > 0
        return Anchor(grid[kept], found[: len(grid)][kept], np.array([a - b, c - d]))

    def loss(self, beta: FloatRows) -> tuple[float, FloatRows, FloatRows]:
        """Its log-loss at (β₁, β₂, β₃), the gradient (3,) and the Hessian (3, 3) of it."""
        scores = self.rows @ beta[:2]
        p = sigmoid(scores)
        value = float(self.weight @ np.logaddexp(0.0, scores) - self.pull @ beta[:2])
        gradient, hessian = np.zeros(3), np.zeros((3, 3))
        gradient[:2] = (self.weight * p) @ self.rows - self.pull
        hessian[:2, :2] = (self.rows.T * (self.weight * p * (1.0 - p))) @ self.rows
        return value, gradient, hessian

    def part(self, proportion: float) -> Anchor:
        """A proportion of it: what goes with as large a proportion of a model's rows."""
        return Anchor(self.rows, self.weight * proportion, self.pull * proportion)


def _opposite(fit: Released, strengths: FloatRows) -> tuple[float, float]:
    """The gradient that the common rows must have in β₁ and β₂ at the released coefficients."""
    beta = np.array(fit.coefficients)
    own = (sigmoid(fit.features @ beta) - fit.preference) @ fit.features
    # |β|₁/c pulls towards zero; where β₃ stands still its own rows pull as hard the other way.
    tension = -math.copysign(1.0, beta[2]) * own[2]
    c = float(strengths[np.abs(1.0 / strengths - tension).argmin()])
    found = -(own[:2] + np.sign(beta[:2]) / c)
    return float(found[0]), float(found[1])
