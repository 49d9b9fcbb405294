"""Numbers as people read them: in tables on a terminal, in pages, in Markdown and in messages."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = [
    "aligned",
    "bare",
    "change",
    "duration",
    "interval",
    "justified",
    "money",
    "number",
    "p_value",
    "seconds",
    "size",
]

NONE = "–"
"""What stands for a number that is not known."""


def number(value: float | None, scale: str = "number") -> str:
    """A proportion in per cent with one decimal (`74.4%`); any other number as `bare` has it."""
    text = bare(value, scale)
    return text + "%" if scale == "proportion" and value is not None and math.isfinite(value) else text


def bare(value: float | None, scale: str = "number") -> str:
    """The same without its unit, for a table whose column says it: four significant digits of what is not a proportion,
    fewer of what is below 0.01, since its zeros take room. A number that is not known is a dash."""
    if value is None or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if scale == "proportion":
        return f"{100 * value:.1f}"
    return f"{value:.4g}" if abs(value) >= 0.01 or value == 0.0 else f"{value:.2g}"


def interval(low: float | None, high: float | None, scale: str = "number") -> str:
    """`64.6 – 82.3`, in the unit of the value; a dash where either end is not known."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return NONE
    return f"{bare(low, scale)} – {bare(high, scale)}"


def justified(value: float, low: float, high: float, scale: str = "number") -> tuple[str, str, str]:
    """A value and the ends of its interval with the digits that the interval justifies: `69.5`, `63`, `76`.

    A unit of the last digit is at most half of half the interval; a proportion, in per cent, keeps one decimal. Where
    an end is not known, all are as `bare` has them.
    """
    if not (math.isfinite(low) and math.isfinite(high) and math.isfinite(value)) or high <= low:
        return bare(value, scale), bare(low, scale), bare(high, scale)
    percent = scale == "proportion"
    factor = 100.0 if percent else 1.0
    digits = min(6, max(0, math.ceil(math.log10(4.0 / (factor * (high - low))))))
    return (
        f"{factor * value:.{max(digits, int(percent))}f}",
        f"{factor * low:.{digits}f}",
        f"{factor * high:.{digits}f}",
    )


def aligned(texts: Sequence[str]) -> list[str]:
    """Numbers of a column that is set flush right, padded with blanks as wide as digits and points, so that their
    decimal points lie below each other. A dash is left as it is."""
    ends = [text.partition(".")[2] for text in texts]
    most = max(map(len, ends), default=0)
    return [
        text if text == NONE or len(end) == most else text + ("" if end else "\u2008") + "\u2007" * (most - len(end))
        for text, end in zip(texts, ends, strict=True)
    ]


def change(value: float | None, scale: str = "number") -> str:
    """A difference with its sign; of proportions, in points."""
    if value is None or not math.isfinite(value):
        return NONE
    text = f"{100 * value:+.1f}" if scale == "proportion" else f"{value:+.2g}" if abs(value) < 0.1 else f"{value:+.3g}"
    return text.replace("-0", "+0") if float(text) == 0.0 else text


def p_value(value: float) -> str:
    """Three decimals, or `<0.001`."""
    if not math.isfinite(value):
        return NONE
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def seconds(value: float | None) -> str:
    """A short time with the unit that fits: `3.2 ms`."""
    if value is None or not math.isfinite(value):
        return NONE
    if value < 1e-3:
        return f"{1e6 * value:.0f} µs"
    if value < 1.0:
        return f"{1e3 * value:.3g} ms"
    return f"{value:.3g} s" if value < 600 else f"{value / 60:.0f} min"


def duration(value: float) -> str:
    """How long something took: `18.9 s`, `1:01 min`, `1:02:05 h`."""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d} h" if hours else f"{minutes}:{rest:02d} min"


def money(value: float | None) -> str:
    """US dollars, with as many digits as a small sum needs; cents below one: `0.0099 ¢`."""
    if value is None or not math.isfinite(value):
        return NONE
    if value >= 1 or value == 0:
        return f"${value:,.2f}"
    if value >= 0.01:
        return f"${value:.3g}"
    cents = 100.0 * value
    return f"{cents:.{1 - math.floor(math.log10(cents))}f} ¢"


def size(value: float | None) -> str:
    """Bytes with the decimal unit that fits."""
    if value is None or not math.isfinite(value):
        return NONE
    for unit, power in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= power:
            return f"{value / power:.3g} {unit}"
    return f"{value:.0f} B"
