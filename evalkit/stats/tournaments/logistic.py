"""Logistic regression with an L1 penalty and soft targets, for a handful of features."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.core import FloatRows

_OUTER, _INNER, _PRECISE = 100, 200, 1e-10


def sigmoid(x: FloatRows) -> FloatRows:
    """1 / (1 + exp(-x)), without overflow."""
    found: FloatRows = 0.5 * (1.0 + np.tanh(x / 2.0))
    return found


Extra = Callable[["FloatRows"], "tuple[float, FloatRows, FloatRows]"]
"""A convex term of the loss in the coefficients: its value, gradient (d,) and Hessian (d, d)."""


def fit(
    features: FloatRows, targets: FloatRows, c: float, start: FloatRows | None = None, extra: Extra | None = None
) -> FloatRows:
    """The coefficients (shape (d,)) that minimise |β|₁ + c·(Σ log-loss + extra), without an intercept.

    `features` have shape (n, d), `targets` are probabilities of shape (n,): each row counts once as a success with
    weight p and once as a failure with weight 1 - p. Newton's quadratic is solved by coordinate descent with soft
    thresholds, and a step that does not lower the objective is halved (proximal Newton, Lee et al. 2014).
    """
    beta = np.zeros(features.shape[1]) if start is None else start.copy()
    current = _objective(features, targets, c, beta, extra)
    for _ in range(_OUTER):
        p = sigmoid(features @ beta)
        gradient = c * (features.T @ (p - targets))
        weights = np.maximum(p * (1.0 - p), 1e-10)
        hessian = c * (features.T * weights) @ features
        if extra is not None:
            _, slope, bend = extra(beta)
            gradient, hessian = gradient + c * slope, hessian + c * bend
        step = _descend(beta, gradient, hessian) - beta
        size = 1.0
        while size > 1e-8:
            trial = _objective(features, targets, c, beta + size * step, extra)
            if trial <= current + 1e-14 * abs(current):
                break
            size /= 2.0
        beta, current = beta + size * step, trial
        if np.abs(step).max() < _PRECISE:
            break
    return beta


def log_loss(features: FloatRows, targets: FloatRows, beta: FloatRows) -> float:
    """The mean log-loss of soft targets."""
    scores = features @ beta
    return float(np.mean(np.logaddexp(0.0, scores) - targets * scores))


def _objective(features: FloatRows, targets: FloatRows, c: float, beta: FloatRows, extra: Extra | None) -> float:
    more = extra(beta)[0] if extra is not None else 0.0
    return float(np.abs(beta).sum()) + c * (len(targets) * log_loss(features, targets, beta) + more)


def _descend(beta: FloatRows, gradient: FloatRows, hessian: FloatRows) -> FloatRows:
    found = beta.copy()
    for _ in range(_INNER):
        before = found.copy()
        for j in range(len(found)):
            curvature = max(float(hessian[j, j]), 1e-12)
            slope = float(gradient[j] + hessian[j] @ (found - beta))
            aim = found[j] - slope / curvature
            found[j] = np.sign(aim) * max(0.0, abs(aim) - 1.0 / curvature)
        if np.abs(found - before).max() < _PRECISE / 10:
            break
    return found
