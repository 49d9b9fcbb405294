"""Power in closed form: what a difference's standard error lets a gate see, by the normal distribution.

Source: the one-sided test of non-inferiority, n = (z₁₋α + z₁₋β)²·σ²/δ² (Julious 2004; Miller 2024 for evaluations).
"""

from __future__ import annotations

import math
from collections.abc import Callable


def smallest_factor(decides: Callable[[float], bool], most: float, within: float) -> float | None:
    """The least number of times as many samples that decides, above 1 and to a factor of `within`; None above `most`.

    `decides` has to stay true once it is.
    """
    low, high = 1.0, 2.0
    while not decides(high):
        low, high = high, 2.0 * high
        if high > most:
            return None
    while high / low > within:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high


def power(n: float, deviation: float, margin: float, alpha: float = 0.05) -> float:
    """The chance that the lower bound lies above -`margin` where the true difference is 0.

    `deviation` is the standard deviation of one pair's difference, `n` the number of independent pairs.
    """
    from scipy import special

    if deviation == 0.0:
        return 1.0 if margin > 0.0 else 0.0
    return float(special.ndtr(margin * math.sqrt(n) / deviation + special.ndtri(alpha)))


def needed_n(deviation: float, margin: float, alpha: float = 0.05, wanted: float = 0.8) -> float:
    """The independent pairs that give the `wanted` power: ((z₁₋α + z_wanted)·σ/δ)²; infinite for a margin of 0."""
    if margin == 0.0:
        return math.inf
    return (_reach(alpha, wanted) * deviation / margin) ** 2


def detectable(n: float, deviation: float, alpha: float = 0.05, wanted: float = 0.8) -> float:
    """The smallest margin that has the `wanted` power with `n` independent pairs: (z₁₋α + z_wanted)·σ/√n."""
    return _reach(alpha, wanted) * deviation / math.sqrt(n)


def _reach(alpha: float, wanted: float) -> float:
    from scipy import special

    return float(special.ndtri(wanted) - special.ndtri(alpha))
