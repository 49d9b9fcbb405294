"""Strengths by maximum likelihood: Bradley–Terry, a tie as half a win for each; Davidson's model, ties on their own.

Both are exponential families, so the likelihood is concave and Newton's method finds its only maximum. Everything is
computed for a whole stack of tables at once, since a bootstrap has thousands of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.core import FloatRows

_STEPS = 200
_LONGEST = 4.0
_PRECISE = 1e-12


def bradley_terry(
    wins: FloatRows, ties: FloatRows | None = None, *, prior: float = 0.0, start: FloatRows | None = None
) -> FloatRows:
    """Log-strengths θ of shape (…, k), their mean 0, of tables of shape (…, k, k): P(i beats j) = σ(θ_i - θ_j).

    `wins[i, j]` are those of i against j (Bradley & Terry 1952); a tie is half a win for each. `prior` adds so many
    ties to every pair that met, which makes the strengths of a model without a loss finite. Without it they have no
    maximum there (see `Connection`) and what comes back is only very large. `start` (shape (k,)) saves steps where it
    lies near.
    """
    table = wins if ties is None else wins + ties / 2.0
    stacked = table.reshape(-1, *table.shape[-2:])
    met = (stacked + stacked.swapaxes(-1, -2)) > 0
    stacked = stacked + prior / 2.0 * met
    games = stacked + stacked.swapaxes(-1, -2)
    size = stacked.shape[-1]
    theta = np.zeros(stacked.shape[:-1])
    if start is not None:
        theta += start
    for _ in range(_STEPS):
        p = _sigmoid(theta[:, :, None] - theta[:, None, :])
        gradient = stacked.sum(-1) - (games * p).sum(-1)
        step = _newton(games * p * (1.0 - p), gradient)
        theta += step
        if np.abs(step).max(initial=0.0) < _PRECISE:
            break
    centred: FloatRows = theta - theta.mean(-1, keepdims=True)
    return centred.reshape(*table.shape[:-2], size)


def davidson(wins: FloatRows, ties: FloatRows) -> tuple[FloatRows, float]:
    """(log-strengths of shape (k,), their mean 0; ν) of Davidson's model (1970):

    P(tie of i and j) = ν√(π_i π_j) / (π_i + π_j + ν√(π_i π_j)), P(i beats j) = π_i over the same sum, π = exp θ.

    Without a single tie ν is 0 and the strengths are Bradley–Terry's.
    """
    if not ties.any():
        return bradley_terry(wins), 0.0
    size = len(wins)
    games = wins + wins.T + ties
    theta, eta = np.zeros(size), 0.0
    half = np.triu(np.ones((size, size)), 1)
    for _ in range(_STEPS):
        gap = theta[:, None] - theta[None, :]
        weights = np.stack([np.exp(gap / 2 - np.abs(gap) / 2), np.exp(-gap / 2 - np.abs(gap) / 2),
                            np.exp(eta - np.abs(gap) / 2)])  # fmt: skip
        win, loss, tie = weights / weights.sum(0)
        spread = games * ((win + loss) / 4 - ((win - loss) / 2) ** 2)
        gradient = ((wins - wins.T) / 2 - games * (win - loss) / 2).sum(1)
        cross = -(games * tie * (win - loss) / 2).sum(1)
        hessian = np.zeros((size + 1, size + 1))
        hessian[:size, :size] = np.diag(spread.sum(1)) - spread + 1.0 / size
        hessian[:size, size] = hessian[size, :size] = cross
        hessian[size, size] = (half * games * tie * (1 - tie)).sum()
        slope = np.append(gradient, (half * (ties - games * tie)).sum())
        step = np.linalg.lstsq(hessian, slope, rcond=None)[0]
        step *= min(1.0, _LONGEST / 2 / max(1e-300, float(np.abs(step).max())))
        theta, eta = theta + step[:size], eta + float(step[size])
        if np.abs(step).max() < _PRECISE:
            break
    return theta - theta.mean(), float(np.exp(eta))


def _newton(weights: FloatRows, gradient: FloatRows) -> FloatRows:
    """Newton's step for a stack of tables; the ones pin the mean, which no comparison tells."""
    size = weights.shape[-1]
    hessian = -weights
    diagonal = np.arange(size)
    hessian[:, diagonal, diagonal] += weights.sum(-1) + 1e-12
    step = np.linalg.solve(hessian + 1.0 / size, gradient[..., None])[..., 0]
    # A step longer than this leaves the region where the quadratic says anything.
    longest = np.abs(step).max(-1, keepdims=True)
    shortened: FloatRows = step * np.minimum(1.0, _LONGEST / 2 / np.maximum(longest, 1e-300))
    return shortened


def _sigmoid(x: FloatRows) -> FloatRows:
    positive: FloatRows = 0.5 * (1.0 + np.tanh(x / 2.0))
    return positive
