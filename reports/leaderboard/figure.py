"""The ranking as one drawing: every model's average on one labelled axis, and next to it the ranks that are left open.

Its shapes carry classes and the model's number, so that the page moves them where a reader weighs the tasks otherwise.
"""

from __future__ import annotations

import math

from evalkit.core import Estimate
from evalkit.core.formatting import interval, number
from evalkit.core.outside_text import visible, xml_text
from evalkit.reporting import Markup
from evalkit.reporting.leaderboard import Board
from evalkit.reporting.leaderboard.sentences import span
from evalkit.reporting.ranking import Rank

WIDTH, TOP, ROW = 760, 40, 28
AVERAGE, PLACES = (214.0, 494.0), (590.0, 740.0)
"""Where the two axes begin and end."""
_VALUE = 552
_NAME = 30
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1d2126}.tick,.legend{fill:#565d66;font-size:11px}.label{font-weight:600}"
    ".axis,.grid{stroke:#d9dbdd}.range,.places{fill:#0072b2;fill-opacity:.35}.dot{fill:#0072b2}.paper{fill:#fff}"
)


def at(value: float) -> float:
    """Where a proportion lies."""
    first, last = AVERAGE
    return first + (last - first) * min(1.0, max(0.0, value))


def place_at(rank: float, count: int) -> float:
    """Where a rank lies."""
    first, last = PLACES
    return first + (last - first) * ((rank - 1) / (count - 1) if count > 1 else 0.5)


def figure(made: Board, *, alone: bool = False) -> Markup:
    """The drawing; empty where nothing is ranked. `alone`: as a file, with its style and a background."""
    if len(made.ranks) < 2:
        return Markup("")
    count, height = len(made.models), TOP + ROW * len(made.models) + 8
    rows = [_row(made, rank, place, count) for place, rank in enumerate(made.ranks)]
    names = [(made.models[rank.model], made.average[rank.model]) for rank in made.ranks]
    said = "; ".join(
        f"{name} {number(found.value, 'proportion')}, rank {span(rank)}"
        for (name, found), rank in zip(names, made.ranks, strict=True)
        if found
    )
    head = Markup(
        '<svg class="chart figure" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}" '
        'role="img" aria-label="{2}">'
    ).format(WIDTH, height, _text(f"Averages with 95 % intervals, and ranks: {said}"))
    style = Markup('<style>{}</style><rect class="paper" width="100%" height="100%"/>').format(Markup(_STYLE))
    return Markup("").join([head, style if alone else Markup(""), *_axes(count, height), *rows, Markup("</svg>")])


def _axes(count: int, height: int) -> list[Markup]:
    text = Markup('<text class="{}" x="{:.1f}" y="{}" text-anchor="middle">{}</text>')
    line = Markup('<line class="grid" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>')
    shapes = [
        text.format("legend", sum(AVERAGE) / 2, 12, "average, with its 95 % interval"),
        text.format("legend", sum(PLACES) / 2, 12, "ranks left open"),
    ]
    for percent in (0, 25, 50, 75, 100):
        shapes.append(text.format("tick", at(percent / 100), 29, f"{percent}%"))
        shapes.append(line.format(at(percent / 100), 34, height - 4))
    step = max(1, math.ceil((count - 1) / 7))
    for rank in [*range(1, count - step // 2, step), count]:
        shapes.append(text.format("tick", place_at(rank, count), 29, rank))
        shapes.append(line.format(place_at(rank, count), 34, height - 4))
    return shapes


def _row(made: Board, rank: Rank, place: int, count: int) -> Markup:
    found = made.average[rank.model]
    assert found is not None
    name = visible(made.models[rank.model])
    short = name if len(name) <= _NAME else name[: _NAME - 1] + "…"
    low, high = place_at(rank.low, count) - 6, place_at(rank.high, count) + 6
    return Markup(
        '<g class="model" data-model="{}" transform="translate(0,{})"><title>{}</title>'
        '<text class="label" x="0" y="18">{}</text>{}<text class="value" x="{}" y="18" text-anchor="end">{}</text>'
        '<rect class="places" x="{:.1f}" y="9" width="{:.1f}" height="10" rx="5"/></g>'
    ).format(
        rank.model,
        TOP + ROW * place,
        _text(f"{name}: {number(found.value, 'proportion')} ({_range(found)}), rank {span(rank)}"),
        _text(short),
        _interval(found),
        _VALUE,
        number(found.value, "proportion"),
        low,
        high - low,
    )


def _interval(found: Estimate) -> Markup:
    low, high = (at(end) if math.isfinite(end) else at(found.value) for end in (found.low, found.high))
    bar = Markup('<rect class="range" x="{:.1f}" y="9" width="{:.1f}" height="10" rx="5"/>').format(
        low, max(1.0, high - low)
    )
    return bar + Markup('<circle class="dot" cx="{:.1f}" cy="14" r="4"/>').format(at(found.value))


def _range(found: Estimate) -> str:
    return interval(found.low, found.high, "proportion")


def _text(text: str) -> str:
    return xml_text(text)
