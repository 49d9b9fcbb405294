"""Quality against a price: every model with its name, and a line through those that none beats in both.

Shapes carry the model's number, so that the page moves them where a reader weighs the tasks otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from evalkit.core import Estimate
from evalkit.core.outside_text import visible
from evalkit.reporting import Markup
from evalkit.reporting.ranking import pareto

_LEFT, _RIGHT, _TOP, _BOTTOM, _HEIGHT = 50, 410, 20, 230, 272


@dataclass(frozen=True, slots=True)
class Price:
    """What models are drawn against. `kinds`: what each model's is of, where they are not all alike."""

    name: str
    values: list[float]
    word: Callable[[float], str]
    kinds: list[str] = field(default_factory=list)
    note: str = ""

    def told(self, model: int) -> str:
        """`2.1 GB of the weights`."""
        return self.word(self.values[model]) + (f" {visible(self.kinds[model])}" if self.kinds else "")


def frontier(names: Sequence[str], price: Price, quality: Sequence[Estimate | None]) -> Markup:
    """Quality upwards with its interval, the price to the right (logarithmic where it spans a decade).

    Empty where fewer than two models have both, or all have the same price.
    """
    points = [(value, one.value if one else math.nan) for value, one in zip(price.values, quality, strict=True)]
    usable = [i for i, point in enumerate(points) if all(map(math.isfinite, point))]
    if len({points[i][0] for i in usable}) < 2:
        return Markup("")
    x, ends = _across([points[i][0] for i in usable])
    low, high = _range([one for one in quality if one])

    def y(value: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * min(1.0, max(0.0, (value - low) / (high - low)))

    front = pareto(points)
    shapes = [
        Markup('<path class="axis" d="M{0} {2}H{1}M{0} {2}V12"/>').format(_LEFT, _RIGHT, _BOTTOM),
        *_ticks(low, high, y),
    ]
    text = Markup('<text x="{:.1f}" y="{}" class="legend" text-anchor="middle">{}</text>')
    shapes += [text.format(x(end), 247, price.word(end)) for end in ends]
    shapes.append(text.format((_LEFT + _RIGHT) / 2, 266, price.name))
    path = " ".join(f"{x(points[i][0]):.1f},{y(points[i][1]):.1f}" for i in front)
    shapes.append(Markup('<polyline class="front" points="{}"/>').format(path))
    for i in usable:
        found = quality[i]
        assert found is not None
        shapes.append(
            Markup(
                '<g class="model" data-model="{0}"><line class="whisker" x1="{1:.1f}" x2="{1:.1f}" y1="{2:.1f}" '
                'y2="{3:.1f}"/><circle class="{4}" cx="{1:.1f}" cy="{5:.1f}" r="5"><title>{6}: {7:.1f}%, {8}</title>'
                "</circle></g>"
            ).format(
                i,
                x(points[i][0]),
                y(found.low),
                y(found.high),
                "bubble best" if i in front else "bubble",
                y(found.value),
                visible(names[i]),
                100 * found.value,
                price.told(i),
            )
        )
    shapes += _labels([(i, visible(names[i]), x(points[i][0]), y(points[i][1])) for i in usable])
    words = ", ".join(f"{names[i]} {100 * points[i][1]:.1f}% at {price.told(i)}" for i in usable)
    label = f"average against {price.name}: {words}; beaten in both by none: {', '.join(names[i] for i in front)}"
    head = Markup(
        '<svg class="chart scatter" viewBox="0 0 430 {0}" width="430" height="{0}" role="img" data-low="{1:g}" '
        'data-high="{2:g}" aria-label="{3}"><title>{3}</title>'
    ).format(_HEIGHT, low, high, visible(label))
    return Markup("").join([head, *shapes, Markup("</svg>")])


def _across(prices: Sequence[float]) -> tuple[Callable[[float], float], list[float]]:
    """(where a price lies, the prices that the axis names)."""
    least, most = min(prices), max(prices)
    scale: Callable[[float], float] = math.log10 if least > 0 and most / least >= 10 else float
    first, last = scale(least), scale(most)

    def x(price: float) -> float:
        return _LEFT + 20 + (_RIGHT - _LEFT - 50) * ((scale(price) - first) / (last - first) if last > first else 0.5)

    return x, list(dict.fromkeys((least, most)))


def _range(quality: Sequence[Estimate]) -> tuple[float, float]:
    """Whole tenths around all intervals."""
    ends = [n for one in quality for n in (one.low, one.value, one.high) if math.isfinite(n)]
    low = max(0.0, math.floor(10 * min(ends) - 1e-9) / 10)
    high = min(1.0, math.ceil(10 * max(ends) + 1e-9) / 10)
    return (low, high) if high > low else (max(0.0, low - 0.1), min(1.0, low + 0.1))


def _ticks(low: float, high: float, y: Callable[[float], float]) -> list[Markup]:
    tenths = round(10 * (high - low))
    step = 1 if tenths <= 5 else 2
    text = Markup('<text x="{}" y="{:.0f}" class="legend" text-anchor="end">{:.0f}%</text>')
    return [text.format(_LEFT - 6, y(low + n / 10) + 4, 100 * (low + n / 10)) for n in range(0, tenths + 1, step)]


def _labels(points: Sequence[tuple[int, str, float, float]]) -> list[Markup]:
    """A name next to each point, where it lies on no other name and on no point if there is such a place."""
    taken: list[tuple[float, ...]] = [(x - 6, x + 6, y - 6, y + 6) for _, _, x, y in points]
    taken += [(-math.inf, _LEFT, -math.inf, math.inf), (430, math.inf, -math.inf, math.inf)]  # beyond the sides
    shapes = []
    for model, name, x, y in points:
        short = name if len(name) <= 28 else name[:27] + "…"
        wide = 6.2 * len(short)
        right, left = ("start", x + 9, 0.0), ("end", x - 9, -wide)
        sides = (left, right) if x > 240 else (right, left)
        tried = [(*side, y + down) for down in (-8, 15, -21, 28, -34, 41) for side in sides]
        free = (one for one in tried if not any(_overlap(_box(one, wide), other) for other in taken))
        found = next(free, tried[0])
        taken.append(_box(found, wide))
        anchor, place, _, height = found
        text = Markup(
            '<g class="model" data-model="{}"><text class="label" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text></g>'
        )
        shapes.append(text.format(model, place, height, anchor, short))
    return shapes


def _box(found: tuple[str, float, float, float], wide: float) -> tuple[float, ...]:
    """Left, right, top and bottom of a text of that width."""
    _, place, shift, height = found
    return place + shift, place + shift + wide, height - 9, height + 3


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]
