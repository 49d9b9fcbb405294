"""Numbers as pages show them."""

from __future__ import annotations

import math

from evalkit.runs.store import MetricResult


def number(value: float | None, scale: str = "number") -> str:
    """A share in per cent with one decimal, any other number with four significant digits, nothing as a dash."""
    if value is None or not math.isfinite(value):
        return "–"
    if scale == "share":
        return f"{100 * value:.1f} %"
    return f"{value:,.0f}" if value == int(value) and abs(value) >= 1000 else f"{value:.4g}"


def bounds(metric: MetricResult) -> str:
    """`64.6 – 82.3`, in the unit of the value."""
    low, high = metric.estimate.low, metric.estimate.high
    if not (math.isfinite(low) and math.isfinite(high)):
        return "–"
    return f"{number(low, metric.scale).removesuffix(' %')} – {number(high, metric.scale).removesuffix(' %')}"


def change(value: float | None, scale: str) -> str:
    """A difference with its sign; of shares, in points."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{100 * value:+.1f}" if scale == "share" else f"{value:+.3g}"
    return ("+0.0" if scale == "share" else "0") if float(text) == 0.0 else text


def seconds(value: float | None) -> str:
    """A time with the unit that fits."""
    if value is None or not math.isfinite(value):
        return "–"
    if value < 1e-3:
        return f"{1e6 * value:.0f} µs"
    if value < 1.0:
        return f"{1e3 * value:.3g} ms"
    return f"{value:.3g} s" if value < 600 else f"{value / 60:.0f} min"


def money(value: float | None) -> str:
    """US dollars, with as many digits as a small sum needs."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"${value:,.2f}" if value >= 1 or value == 0 else f"${value:.3g}"


def size(value: float | None) -> str:
    """Bytes with the decimal unit that fits."""
    if value is None or not math.isfinite(value):
        return "–"
    for unit, power in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= power:
            return f"{value / power:.3g} {unit}"
    return f"{value:.0f} B"


def p_value(value: float) -> str:
    if not math.isfinite(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
