"""Quality against a price as inline SVG: a point for every variant, its interval upwards, the price's range across."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evalkit.core.outside_text import visible
from evalkit.reporting import Markup

_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 540, 16, 236


@dataclass(frozen=True, slots=True)
class Point:
    """A variant: its quality with the interval's bounds, its price with the range of what was measured. `mark` stands
    beside the point, for names have no room there."""

    name: str
    mark: str
    quality: float
    low: float
    high: float
    price: float
    least: float
    most: float
    full: bool = False


def plot(points: Sequence[Point], axis: str, quality: str, price_word: Callable[[float], str], digits: str) -> Markup:
    """The chart; empty where fewer than two points have both. The dashed line is the full model's quality.

    `digits` formats a tick of the quality axis. The price's axis is logarithmic where it spans a decade.
    """
    usable = [p for p in points if all(map(math.isfinite, (p.quality, p.price))) and p.price > 0.0]
    if len(usable) < 2:
        return Markup("")
    bounds = [n for p in usable for n in (p.quality, p.low, p.high) if math.isfinite(n)]
    room = 0.06 * (max(bounds) - min(bounds))
    y = _scale(min(bounds) - room, max(bounds) + room, _BOTTOM, _TOP, float)
    ends = [n for p in usable for n in (p.least, p.price, p.most) if math.isfinite(n) and n > 0.0]
    x = _scale(
        min(ends), max(ends), _LEFT + 14, _RIGHT - 14, math.log10 if max(ends) / min(ends) >= 10 else lambda n: n
    )
    shapes = [
        Markup(f'<path class="axis" d="M{_LEFT} {_BOTTOM}H{_RIGHT}M{_LEFT} {_BOTTOM}V{_TOP}"/>'),
        *(_tick(n, y, digits) for n in _ticks(min(bounds), max(bounds))),
        *_ends(min(ends), max(ends), x, price_word),
    ]
    for point in usable:
        if point.full:
            shapes.append(
                Markup('<line class="zero" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(
                    _LEFT, _RIGHT, y(point.quality), y(point.quality)
                )
            )
    shapes += [_mark(point, x, y, price_word, digits) for point in usable]
    shapes += _labels([(p.mark, x(p.price), y(p.quality)) for p in usable])
    shapes.append(
        Markup('<text class="legend" x="{}" y="{}">{}</text>').format((_LEFT + _RIGHT) / 2, _BOTTOM + 32, axis)
    )
    said = "; ".join(f"{p.name}: {format(p.quality, digits)} at {price_word(p.price)}" for p in usable)
    label = visible(f"{quality} against {axis}: {said}")
    head = Markup(
        '<svg class="chart series" viewBox="0 0 560 278" width="560" height="278" role="img" aria-label="{0}">'
    )
    return Markup("").join([head.format(label), Markup("<title>{}</title>").format(label), *shapes, Markup("</svg>")])


def _scale(
    least: float, most: float, start: float, end: float, turned: Callable[[float], float]
) -> Callable[[float], float]:
    first, last = turned(least), turned(most)

    def at(number: float) -> float:
        return start + (end - start) * ((turned(number) - first) / (last - first) if last > first else 0.5)

    return at


def _ticks(least: float, most: float) -> list[float]:
    """Round numbers between the two, about four of them."""
    if most <= least:
        return [least]
    step = 10 ** math.floor(math.log10((most - least) / 3.0))
    step *= next(factor for factor in (1, 2, 5, 10) if (most - least) / (factor * step) <= 5)
    first = math.ceil(least / step - 1e-9)
    return [step * number for number in range(first, math.floor(most / step + 1e-9) + 1)]


def _tick(number: float, y: Callable[[float], float], digits: str) -> Markup:
    text = Markup('<text class="tick" x="{}" y="{:.1f}">{}</text>')
    return text.format(_LEFT - 8, y(number) + 4, format(number + 0.0, digits))


def _ends(least: float, most: float, x: Callable[[float], float], word: Callable[[float], str]) -> list[Markup]:
    text = Markup('<text class="legend" x="{:.1f}" y="{}">{}</text>')
    return [text.format(x(n), _BOTTOM + 16, word(n)) for n in dict.fromkeys((least, most))]


def _mark(
    point: Point, x: Callable[[float], float], y: Callable[[float], float], word: Callable[[float], str], digits: str
) -> Markup:
    at, up = x(point.price), y(point.quality)
    shapes = []
    line = Markup('<line class="whisker" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>')
    if math.isfinite(point.low) and math.isfinite(point.high) and point.high > point.low:
        shapes.append(line.format(at, at, y(point.low), y(point.high)))
    if math.isfinite(point.least) and math.isfinite(point.most) and point.most > point.least:
        shapes.append(line.format(x(point.least), x(point.most), up, up))
    bounds = f" ({format(point.low, digits)} … {format(point.high, digits)})" if not point.full else ""
    shapes.append(
        Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="4.5"><title>{}: {}{}, {}</title></circle>').format(
            "bubble best" if point.full else "bubble",
            at,
            up,
            visible(point.name),
            format(point.quality, digits),
            bounds,
            word(point.price),
        )
    )
    return Markup("").join(shapes)


# Where a number may stand beside its point, the nearest first.
_BESIDE = ((9, -7), (-9, -7), (9, 15), (-9, 15), (0, -12), (0, 21), (23, -7), (-23, -7), (23, 15), (-23, 15))


def _labels(points: Sequence[tuple[str, float, float]]) -> list[Markup]:
    """A number beside each point, where it lies on no other number and no point as far as there is room."""
    taken = [(x, y) for _, x, y in points]
    shapes = []
    for mark, x, y in points:

        def free(beside: tuple[int, int], x: float = x, y: float = y) -> bool:
            left, high = x + beside[0], y + beside[1] - 4
            return all(abs(left - a) >= 11 or abs(high - b) >= 10 for a, b in taken)

        right, down = next((beside for beside in _BESIDE if free(beside)), _BESIDE[0])
        taken.append((x + right, y + down - 4))
        text = Markup('<text class="label" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>')
        shapes.append(text.format(x + right, y + down, mark))
    return shapes
