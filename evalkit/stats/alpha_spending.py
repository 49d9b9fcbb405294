"""Group-sequential bounds: how strict each look must be so that all looks together err with probability α."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

Spending = Literal["obrien-fleming", "pocock"]

_NODES = 200
_FAR = 8.5
"""Standard deviations beyond which nothing is left to integrate."""


def spent(fraction: float, alpha: float, spending: Spending = "obrien-fleming") -> float:
    """The part of the one-sided `alpha` that may be spent when `fraction` of all samples are in (Lan & DeMets 1983).

    O'Brien-Fleming: 2 - 2Φ(z_{1-α/2}/√t), strict at first; Pocock: α·ln(1 + (e - 1)·t), nearly even.
    """
    from scipy import special

    if fraction >= 1.0:
        return alpha
    if spending == "pocock":
        return alpha * math.log1p((math.e - 1.0) * fraction)
    return 2.0 * float(special.ndtr(special.ndtri(alpha / 2.0) / math.sqrt(fraction)))


def nominal_levels(fractions: Sequence[float], alpha: float, spending: Spending = "obrien-fleming") -> list[float]:
    """The one-sided level of every look: a statistic beyond its quantile decides. Together they err α at most.

    `fractions` of the samples, rising to 1, are in at each look. The statistics of the looks are a Brownian motion at
    these times; the density of those that went on is carried from look to look (Armitage, McPherson & Rowe 1969).
    Raises ValueError where the fractions do not rise to 1.
    """
    from scipy import special

    if not fractions or list(fractions) != sorted(set(fractions)) or fractions[0] <= 0.0 or fractions[-1] != 1.0:
        raise ValueError(f"fractions must rise to 1, found {list(fractions)}")
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    levels: list[float] = []
    at, mass = np.zeros(1), np.ones(1)
    time = before = 0.0
    for fraction in fractions:
        step = math.sqrt(fraction - time)
        allowed = spent(fraction, alpha, spending) - before
        limit = _limit(at, mass, step, allowed)
        levels.append(float(special.ndtr(-limit / math.sqrt(fraction))))
        low = -_FAR * math.sqrt(fraction)
        places = low + (limit - low) * (nodes + 1.0) / 2.0
        density = (mass * np.exp(-(((places[:, None] - at) / step) ** 2) / 2.0)).sum(axis=1)
        at, mass = places, density / (step * math.sqrt(2.0 * math.pi)) * weights * (limit - low) / 2.0
        time, before = fraction, before + allowed
    return levels


def _limit(at: np.ndarray, mass: np.ndarray, step: float, allowed: float) -> float:
    """Where the motion, one step on from the points `at`, goes beyond with probability `allowed`."""
    from scipy import optimize, special

    def excess(limit: float) -> float:
        return float((mass * special.ndtr((at - limit) / step)).sum()) - allowed

    return float(optimize.brentq(excess, -_FAR, _FAR + float(np.abs(at).max()), xtol=1e-13))
