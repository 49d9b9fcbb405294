"""p-values of several tests at once: Holm for "did anything regress?", Benjamini & Hochberg for exploring."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values (Holm 1979), in the order given: those ≤ α keep the chance of any false alarm at α."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values (Benjamini & Hochberg 1995), in the order given: those ≤ q hold a proportion q of false
    alarms."""
    count = len(p_values)
    order = sorted(range(count), key=lambda i: p_values[i], reverse=True)
    adjusted, lowest = [0.0] * count, 1.0
    for rank, i in enumerate(order):
        lowest = min(lowest, p_values[i] * count / (count - rank))
        adjusted[i] = lowest
    return adjusted
