"""Exact tests and intervals for counts: McNemar's test and Clopper & Pearson's interval."""

from __future__ import annotations


def mcnemar_exact(gains: int, losses: int) -> float:
    """The exact two-sided p of McNemar's test: binomial, of `gains` among gains + losses at ½. 1 where none differ."""
    from scipy import special

    events = gains + losses
    if events == 0:
        return 1.0
    return min(1.0, 2.0 * float(special.bdtr(min(gains, losses), events, 0.5)))


def clopper_pearson(events: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """The exact interval of a proportion (Clopper & Pearson 1934): never covers less than it says, often more.

    Of effective, fractional numbers it is Korn and Graubard's (1998).
    """
    from scipy import special

    tail = (1.0 - confidence) / 2.0
    low = 0.0 if events == 0 else float(special.betaincinv(events, n - events + 1, tail))
    high = 1.0 if events == n else float(special.betaincinv(events + 1, n - events, 1.0 - tail))
    return low, high
