"""Posteriors for tiny sets, where an interval that promises coverage has little to say: Beta and Dirichlet.

The prior is Jeffreys' unless another is named: ½ an answer of each kind, worth one sample (two kinds) or one and a
half (three kinds) in all. What comes out is a probability given that prior, not an error rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.core import FloatRows

_NODES = 400


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed of a proportion or difference: its mean, the central interval of `confidence`, and the prior."""

    mean: float
    low: float
    high: float
    confidence: float
    prior: float


def share_posterior(right: float, n: float, confidence: float = 0.95, prior: float = 0.5) -> Posterior:
    """The Beta posterior of a proportion after `right` of `n`; with prior ½ its interval is Jeffreys'.

    At 0 and at n of n the bound on that side is 0 or 1 (Brown, Cai & DasGupta 2001).
    """
    from scipy import special

    first, second, tail = right + prior, n - right + prior, (1.0 - confidence) / 2.0
    low = 0.0 if right == 0 else float(special.betaincinv(first, second, tail))
    high = 1.0 if right == n else float(special.betaincinv(first, second, 1.0 - tail))
    return Posterior(first / (first + second), low, high, confidence, prior)


def difference_posterior(
    gains: float, losses: float, n: float, confidence: float = 0.95, prior: float = 0.5
) -> Posterior:
    """The posterior of P(gain) - P(loss) over pairs, under a Dirichlet prior on (gain, loss, neither)."""
    from scipy import optimize

    tail = (1.0 - confidence) / 2.0

    def bound(level: float) -> float:
        return float(
            optimize.brentq(
                lambda x: 1.0 - probability_above(x, gains, losses, n, prior) - level, -1.0, 1.0, xtol=1e-12
            )
        )

    mean = (gains - losses) / (n + 3.0 * prior)
    return Posterior(mean, bound(tail), bound(1.0 - tail), confidence, prior)


def probability_above(delta: float, gains: float, losses: float, n: float, prior: float = 0.5) -> float:
    """The posterior probability that P(gain) - P(loss) > `delta`; at minus the margin, that of being inside it.

    With s = P(gain) + P(loss) and u = P(gain)/s, which are independent Beta variables, the difference is s(2u - 1):
    the probability is the mean over s of P(u > (1 + δ/s)/2), by Gauss-Legendre quadrature over s's quantiles.
    """
    from scipy import special

    if delta <= -1.0:
        return 1.0
    if delta >= 1.0:
        return 0.0
    up, down, rest = gains + prior, losses + prior, n - gains - losses + prior
    # |δ| ≥ s is certain either way: there the integrand is 0 or 1, and the quadrature begins where it is neither.
    begin = float(special.betainc(up + down, rest, abs(delta)))
    below = begin if delta < 0.0 else 0.0
    # u's density may be infinite at its ends: the substitution t² gathers nodes there.
    t, dt = _nodes()
    levels = begin + (1.0 - begin) * t**2
    proportions = np.maximum(special.betaincinv(up + down, rest, levels), 1e-300)
    cut = np.clip((1.0 + delta / proportions) / 2.0, 0.0, 1.0)
    total = float((special.betainc(down, up, 1.0 - cut) * 2.0 * t * dt).sum())
    return min(1.0, max(0.0, below + (1.0 - begin) * total))


@lru_cache(maxsize=1)
def _nodes() -> tuple[FloatRows, FloatRows]:
    """Gauss-Legendre nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return (nodes + 1.0) / 2.0, weights / 2.0
