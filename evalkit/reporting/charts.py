"""Charts as inline SVG. Shapes carry classes, never styles; each chart says in words what it shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from markupsafe import Markup

from evalkit.core.outside_text import visible
from evalkit.runs.store import MetricResult

_WIDTH, _ROW = 180, 20


def interval(
    value: float, low: float, high: float, ends: tuple[float, float], label: str, *, width: int = _WIDTH
) -> Markup:
    """A value with its interval on a line from `ends[0]` to `ends[1]`."""
    if not math.isfinite(value):
        return Markup("")
    at, middle = _place(ends, width), _ROW / 2
    parts = [f'<line class="axis" x1="4" x2="{width - 4}" y1="{middle}" y2="{middle}"/>']
    if math.isfinite(low) and math.isfinite(high):
        wide = max(1.0, at(high) - at(low))
        parts.append(f'<rect class="range" x="{at(low)}" y="{middle - 4}" width="{wide:.1f}" height="8" rx="4"/>')
    parts.append(f'<circle class="dot" cx="{at(value)}" cy="{middle}" r="4"/>')
    return _svg(width, _ROW, "interval", label, "".join(parts))


def _place(ends: tuple[float, float], width: int) -> Callable[[float], float]:
    """From a number to where it lies on a line of that width, held inside its ends."""
    first, last = ends
    span = (last - first) or 1.0
    return lambda number: round(4 + (width - 8) * min(1.0, max(0.0, (number - first) / span)), 1)


def difference(
    value: float,
    low: float,
    high: float,
    reach: float,
    label: str,
    *,
    width: int = _WIDTH,
    limit: float = math.nan,
    side: str = "",
) -> Markup:
    """A difference with its interval around a line at zero; `reach` is the largest distance from it. `limit` is where
    a gate's margin ends, `side` the class of what is shown ("better", "worse" or nothing)."""
    if not math.isfinite(value):
        return Markup("")
    chart = interval(value, low, high, (-reach, reach), label, width=width)
    lines = f'<line class="zero" x1="{width / 2}" x2="{width / 2}" y1="1" y2="{_ROW - 1}"/>'
    if math.isfinite(limit):
        at = _place((-reach, reach), width)(limit)
        lines += f'<line class="limit" x1="{at}" x2="{at}" y1="1" y2="{_ROW - 1}"><title>margin</title></line>'
    whole = str(chart).replace("</title>", "</title>" + lines, 1)
    return Markup(whole.replace('class="chart interval"', f'class="chart interval {side}"', 1) if side else whole)


def own_reach(verdict: Spanned) -> float:
    """How far from zero the axis of a difference goes that shares none with others."""
    known = [abs(n) for n in (verdict.low, verdict.high, verdict.difference) if math.isfinite(n)]
    return max(known, default=1.0) or 1.0


def axis(reach: float, width: int = _WIDTH) -> Markup:
    """The labels of an axis of points from -reach to reach, as wide as `difference` draws."""
    far = f"{100 * reach:g}"
    return _ticks((f"−{far}", "0", f"+{far}"), f"axis from -{far} to +{far} points", width)


def axis_of_shares() -> Markup:
    """The labels of an axis of shares, as wide as `interval` draws."""
    return _ticks(("0%", "50%", "100%"), "axis from 0 to 100 %")


def _ticks(words: tuple[str, str, str], label: str, width: int = _WIDTH) -> Markup:
    marks = zip((4, width / 2, width - 4), ("start", "middle", "end"), words, strict=True)
    texts = [f'<text class="tick" x="{x}" y="14" text-anchor="{anchor}">{word}</text>' for x, anchor, word in marks]
    return _svg(width, _ROW, "ticks", label, "".join(texts))


def _linked(shape: str, link: str, words: str) -> str:
    """A shape that leads to its samples. The page's text has the same numbers, so Tab skips it."""
    open_tag = Markup('<a href="{}" tabindex="-1" aria-label="{}">').format(link, words)
    return f"{open_tag}{shape}</a>" if link else shape


def stacked(parts: Sequence[tuple[str, int]], label: str, links: Mapping[str, str] = {}) -> Markup:
    """Proportions of a whole as one bar; each part has the class `part-<name>`, which are our words, never a run's.
    `links`: where a part leads."""
    total = sum(count for _, count in parts) or 1
    shapes, x = [], 0.0
    for name, count in parts:
        width = 320 * count / total
        shape = (
            f'<rect class="part-{name}" x="{x:.1f}" y="3" width="{max(width, 1.0 if count else 0.0):.1f}" height="14">'
            f"<title>{name}: {count:,}</title></rect>"
        )
        shapes.append(_linked(shape, links.get(name, "") if count else "", f"{name}: {count:,}"))
        x += width
    return _svg(320, 20, "stacked", label, "".join(shapes))


Shows = Callable[[float, float], str]
"""Where a bar leads: the fragment that shows the samples between two numbers."""


def histogram(values: Sequence[float], label: str, bars: int = 24, shows: Shows | None = None) -> Markup:
    """How often, over a logarithmic axis; values that are not positive are in the first bar."""
    usable = [value for value in values if value > 0.0]
    if not usable:
        return Markup("")
    low, high = math.log10(min(usable)), math.log10(max(usable))
    span = (high - low) or 1.0
    counts = [0] * bars
    for value in values:
        place = int((math.log10(value) - low) / span * bars) if value > 0.0 else 0
        counts[min(bars - 1, place)] += 1
    most, width, shapes = max(counts), 320 / bars, []
    for place, count in enumerate(counts):
        height = 56 * count / most
        first, last = 10 ** (low + span * place / bars), 10 ** (low + span * (place + 1) / bars)
        words = f"{count:,} between {_short(first)} and {_short(last)} s"
        shape = (
            f'<rect class="bar" x="{place * width + 0.5:.1f}" y="{60 - height:.1f}" width="{width - 1:.1f}" '
            f'height="{height:.1f}"><title>{words}</title></rect>'
        )
        shapes.append(
            _linked(shape, shows(first if place else 0.0, last * (1 + 1e-9)) if shows and count else "", words)
        )
    return _svg(320, 60, "histogram", label, "".join(shapes))


def reliability(bins: Sequence[tuple[float, float, int]], label: str, shows: Shows | None = None) -> Markup:
    """Confidence to the right, share right upwards; a circle's area says how many samples, the diagonal is perfect."""
    most = max((n for _, _, n in bins), default=1)
    shapes = ['<path class="axis" d="M20 200H200M20 200V20"/><line class="zero" x1="20" y1="200" x2="200" y2="20"/>']
    for confidence, right, n in bins:
        radius = 3 + 9 * math.sqrt(n / most)
        words = f"confidence {100 * confidence:.0f}%: {100 * right:.0f}% right, {n:,} samples"
        shape = (
            f'<circle class="bubble" cx="{20 + 180 * confidence:.1f}" cy="{200 - 180 * right:.1f}" r="{radius:.1f}">'
            f"<title>{words}</title></circle>"
        )
        place = max(0, min(9, math.ceil(10 * confidence) - 1))
        shapes.append(_linked(shape, shows(place / 10, (place + 1) / 10) if shows else "", words))
    shapes.append('<text x="110" y="217" class="legend">confidence</text>')
    shapes.append('<text x="-110" y="13" class="legend" transform="rotate(-90)">share right</text>')
    return _svg(220, 220, "reliability", label, "".join(shapes))


def over_k(points: Sequence[MetricResult], label: str) -> Markup:
    """Proportions for rising k, evenly spaced, with their intervals; the axis goes from 0 to 1."""
    from evalkit.core.formatting import number

    def x(place: int) -> float:
        return 30 + 200 * (place / (len(points) - 1) if len(points) > 1 else 0.5)

    def y(value: float) -> float:
        return 110 - 100 * value

    shapes = ['<path class="axis" d="M20 110H240M20 110V10"/>']
    path = " ".join(f"{x(place):.1f},{y(point.estimate.value):.1f}" for place, point in enumerate(points))
    shapes.append(f'<polyline class="line" points="{path}"/>')
    for place, point in enumerate(points):
        at, found = x(place), point.estimate
        if math.isfinite(found.low) and math.isfinite(found.high):
            shapes.append(
                f'<line class="whisker" x1="{at:.1f}" x2="{at:.1f}" y1="{y(found.low):.1f}" y2="{y(found.high):.1f}"/>'
            )
        words = Markup("{}: {}").format(visible(point.name), number(found.value, point.scale))
        shapes.append(
            f'<circle class="dot" cx="{at:.1f}" cy="{y(found.value):.1f}" r="3"><title>{words}</title></circle>'
        )
        shapes.append(f'<text x="{at:.1f}" y="124" class="legend">{visible(point.name)}</text>')
    return _svg(260, 130, "series", label, "".join(shapes))


def _short(value: float) -> str:
    return f"{value:.3g}"


def _svg(width: float, height: float, kind: str, label: str, inside: str) -> Markup:
    # What an image holds is no part of the page for a screen reader; a group keeps its links.
    role = "group" if "<a " in inside else "img"
    head = f'<svg class="chart {kind}" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="{role}" '
    words = Markup('aria-label="{0}"><title>{0}</title>').format(visible(label))
    return Markup(head) + words + Markup(inside + "</svg>")


class Spanned(Protocol):
    """A difference with its interval."""

    @property
    def difference(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


class Dated(Protocol):
    """A score in a series."""

    @property
    def created(self) -> str: ...
    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


class Change(Protocol):
    """From `place` on the level is another."""

    @property
    def place(self) -> int: ...


def series(points: Sequence[Dated], changes: Sequence[Change], scale: str, label: str) -> Markup:
    """Scores in the order they were measured, evenly spaced, with their intervals; a dashed line before a change."""
    from evalkit.core.formatting import number

    every = [n for point in points for n in (point.low, point.value, point.high) if math.isfinite(n)]
    least, most = min(every), max(every)
    room = (most - least or abs(most) or 1.0) * 0.08
    least, most = least - room, most + room

    def x(place: float) -> float:
        return 70 + 670 * (place / (len(points) - 1) if len(points) > 1 else 0.5)

    def y(value: float) -> float:
        return 180 - 165 * (value - least) / (most - least)

    shapes = ['<path class="axis" d="M60 180H750M60 180V10"/>']
    for value in (least + room, most - room):
        shapes.append(f'<text x="30" y="{y(value) + 4:.1f}" class="legend">{number(value, scale)}</text>')
    for change in changes:
        at = x(change.place - 0.5)
        shapes.append(f'<line class="step" x1="{at:.1f}" x2="{at:.1f}" y1="10" y2="180"/>')
    path = " ".join(f"{x(place):.1f},{y(point.value):.1f}" for place, point in enumerate(points))
    shapes.append(f'<polyline class="line" points="{path}"/>')
    for place, point in enumerate(points):
        at = x(place)
        if math.isfinite(point.low) and math.isfinite(point.high):
            shapes.append(
                f'<line class="whisker" x1="{at:.1f}" x2="{at:.1f}" y1="{y(point.low):.1f}" y2="{y(point.high):.1f}"/>'
            )
        words = Markup("{}: {}").format(visible(point.created[:16]), number(point.value, scale))
        shapes.append(
            f'<circle class="dot" cx="{at:.1f}" cy="{y(point.value):.1f}" r="3.5"><title>{words}</title></circle>'
        )
    for place, anchor in ((0, "start"), (len(points) - 1, "end"))[: len(points)]:
        day = Markup("{}").format(visible(points[place].created[:10]))
        shapes.append(f'<text x="{x(place):.1f}" y="197" class="label" text-anchor="{anchor}">{day}</text>')
    return _svg(760, 205, "series", label, "".join(shapes))
