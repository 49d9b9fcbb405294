"""Models × tasks: who is ahead and who cannot be told apart, ranks as far as the data allow, prices next to quality."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from evalkit import Run
from evalkit.core.formatting import interval, money, number, seconds, size
from evalkit.core.outside_text import markdown_text
from evalkit.reporting import page
from evalkit.reporting.leaderboard import Board, as_object, board
from evalkit.reporting.leaderboard.sentences import letter, span, verdict
from evalkit.reporting.tables import csv_lines

from .figure import figure
from .frontier import Price, frontier

META = {
    "name": "leaderboard",
    "summary": "models × tasks with rank intervals, pairs and prices; as page, Markdown, CSV, JSON or SVG",
    "tags": ["html", "markdown", "csv", "json", "ranking"],
}
_MEMORY = {"process": "the process at its peak", "gpu": "the GPU at its peak", "weights": "the weights"}


def report(
    runs: Sequence[Run],
    /,
    *,
    form: Literal["html", "markdown", "csv", "json", "svg"] = "html",
    title: str = "Leaderboard",
    pages: str = "",
) -> str | Iterator[str]:
    """The newest result of every model on every task. `pages` is a folder of pages, one a model, to link to."""
    made = board(runs)
    if form == "markdown":
        return _markdown(made, title)
    if form == "json":
        return json.dumps(as_object(made), indent=2, ensure_ascii=False) + "\n"
    if form == "csv":
        return _csv(made)
    if form == "svg":
        return str(figure(made, alone=True)) + "\n"
    return _html(made, title, pages)


def _html(made: Board, title: str, pages: str) -> Iterator[str]:
    first, *rest = verdict(made)
    prices = [(one, chart) for one in _prices(made) if (chart := frontier(made.models, one, made.average))]
    context = {
        "heading": title,
        "board": made,
        "first": first,
        "rest": rest,
        "figure": figure(made),
        "order": _order(made),
        "ranks": {rank.model: rank for rank in made.ranks},
        "column_ranks": [{rank.model: rank for rank in column.ranks} for column in made.columns],
        "prices": prices,
        "data": as_object(made) | {"pages": pages},
        "pages": pages,
        "span": span,
        "letter": letter,
        "nan": math.nan,
        "isfinite": math.isfinite,
        "several": len(made.models) > 1,
    }
    return page(Path(__file__).parent, "page.html.j2", context, styles=["page.css"], scripts=["ranking.js", "page.js"])


def _prices(made: Board) -> list[Price]:
    models = range(len(made.models))
    return [
        Price("seconds a sample", [made.per_sample(m, "seconds") for m in models], seconds),
        Price("cost a sample", [made.per_sample(m, "cost") for m in models], money),
        _memory(made),
    ]


def _memory(made: Board) -> Price:
    """Peaks where they were recorded, else the weights' bytes, and which of them each is."""
    found = [made.memory(m) for m in range(len(made.models))]
    values = [one.size for one in found]
    kinds = sorted({one.of for one in found if one.of}, key=list(_MEMORY).index)
    if len(kinds) == 1:
        return Price(f"memory of {_MEMORY[kinds[0]]}", values, size)
    lists = [
        f"of {_MEMORY[kind]}: {', '.join(n for n, one in zip(made.models, found, strict=True) if one.of == kind)}"
        for kind in kinds
    ]
    told = [f"of {_MEMORY[one.of]}" if one.of else "" for one in found]
    return Price("memory", values, size, told, "; ".join(lists))


def _order(made: Board) -> list[int]:
    """Models as ranked; those that lack a task come after, by name."""
    ranked = [rank.model for rank in made.ranks]
    return ranked + [model for model in range(len(made.models)) if model not in ranked]


def _markdown(made: Board, title: str) -> str:
    ranks = {rank.model: rank for rank in made.ranks}
    names = [
        f"{column.name}{' (toy)' if column.toy else ''} {column.metric}{'' if column.higher_is_better else ' ↓'}"
        for column in made.columns
    ]
    head = ["rank", "tie", "model", "average", "95 %", *names]
    first, *rest = [markdown_text(one) for one in verdict(made)]
    lines = [f"# {markdown_text(title)}", "", " ".join([f"**{first}**", *rest]), ""]
    lines.append("| " + " | ".join(map(markdown_text, head)) + " |")
    lines.append("|--:|---|---|--:|--:|" + "--:|" * len(names))
    for model in _order(made):
        average = made.average[model]
        cells = [span(ranks.get(model)), letter(ranks.get(model)), made.models[model]]
        cells.append(number(average.value if average else None, "proportion"))
        cells.append(interval(average.low, average.high, "proportion") if average else "–")
        for column in made.columns:
            cell = column.cells[model]
            found = cell.estimate if cell else None
            ends = interval(found.low, found.high, column.scale) if found else ""
            cells.append(f"{number(found.value, column.scale)} ({ends})" if found else "–")
        lines.append("| " + " | ".join(map(markdown_text, cells)) + " |")
    lines += [
        "",
        "Models of one tie group are not told apart from its best (Holm, 5 %). Ranks are what the data leave open.",
    ]
    return "\n".join([*lines, *(f"\n- {markdown_text(note)}" for note in made.notes)]) + "\n"


def _csv(made: Board) -> Iterator[str]:
    ranks = {rank.model: rank for rank in made.ranks}
    rows: list[list[object]] = [
        ["model", "rank_low", "rank_high", "task", "metric", "value", "low", "high", "n", "failed", "run"]
    ]
    for model in _order(made):
        rank = ranks.get(model)
        places = [rank.low, rank.high] if rank else [None, None]
        for column in made.columns:
            cell = column.cells[model]
            if cell and cell.entry.result:
                e, run = cell.estimate, str(cell.run.folder)
                numbers = [e.value, e.low, e.high, e.n, cell.entry.result.failed]
                rows.append([made.models[model], *places, column.name, column.metric, *numbers, run])
    return csv_lines(rows)
