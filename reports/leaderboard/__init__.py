"""Models × tasks: intervals drawn, ranks only as far as the data tell models apart, prices beside quality."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from evalkit import Run
from evalkit.core.formatting import interval, money, number, seconds, size
from evalkit.core.outside_text import markdown_text
from evalkit.reporting import page
from evalkit.reporting.leaderboard import Board, board
from evalkit.reporting.leaderboard_cell import Cell
from evalkit.reporting.ranking import Rank
from evalkit.reporting.tables import csv_lines
from evalkit.reporting.text import finite

META = {
    "name": "leaderboard",
    "summary": "models × tasks with rank intervals, tie groups, win rates, prices; as page, Markdown, CSV or JSON",
    "tags": ["html", "markdown", "csv", "json", "ranking"],
}
_MEMORY = {"process": "the process at its peak", "gpu": "the GPU at its peak", "weights": "the weights"}


def report(
    runs: Sequence[Run],
    /,
    *,
    form: Literal["html", "markdown", "csv", "json"] = "html",
    title: str = "Leaderboard",
    pages: str = "",
) -> str | Iterator[str]:
    """The newest result of every model on every task. `pages` is a folder of pages, one a model, to link to."""
    made = board(runs)
    if form == "markdown":
        return _markdown(made, title)
    if form == "json":
        return json.dumps(_data(made), indent=2, ensure_ascii=False) + "\n"
    if form == "csv":
        return _csv(made)
    return _html(made, title, pages)


def _html(made: Board, title: str, pages: str) -> Iterator[str]:
    order = _order(made)
    context = {
        "heading": title,
        "board": made,
        "order": order,
        "ranks": {rank.model: rank for rank in made.ranks},
        "column_ranks": [{rank.model: rank for rank in column.ranks} for column in made.columns],
        "prices": [one for one in _prices(made) if sum(map(math.isfinite, one.values)) and made.counted],
        "data": _data(made) | {"pages": pages},
        "pages": pages,
        "span": span,
        "letter": letter,
        "nan": math.nan,
        "isfinite": math.isfinite,
    }
    return page(Path(__file__).parent, "page.html.j2", context, styles=["page.css"], scripts=["page.js"])


@dataclass(frozen=True, slots=True)
class _Price:
    """What models are drawn against. `kinds`: what each model's is of, where they are not all alike."""

    name: str
    values: list[float]
    word: Callable[[float], str]
    kinds: list[str] = field(default_factory=list)
    note: str = ""


def _prices(made: Board) -> list[_Price]:
    models = range(len(made.models))
    return [
        _Price("seconds a sample", [made.per_sample(m, "seconds") for m in models], seconds),
        _Price("cost a sample", [made.per_sample(m, "cost") for m in models], money),
        _memory(made),
    ]


def _memory(made: Board) -> _Price:
    """Peaks where they were recorded, else the weights' bytes, and which of them each is."""
    found = [made.memory(m) for m in range(len(made.models))]
    values = [one.size for one in found]
    kinds = sorted({one.of for one in found if one.of}, key=list(_MEMORY).index)
    if len(kinds) == 1:
        return _Price(f"memory of {_MEMORY[kinds[0]]}", values, size)
    lists = [
        f"of {_MEMORY[kind]}: {', '.join(n for n, one in zip(made.models, found, strict=True) if one.of == kind)}"
        for kind in kinds
    ]
    told = [f"of {_MEMORY[one.of]}" if one.of else "" for one in found]
    return _Price("memory", values, size, told, "; ".join(lists))


def _order(made: Board) -> list[int]:
    """Models as ranked; those that lack a task come after, by name."""
    ranked = [rank.model for rank in made.ranks]
    return ranked + [model for model in range(len(made.models)) if model not in ranked]


def span(rank: Rank | None) -> str:
    """`2`, or `1–3` where the data leave several ranks open."""
    if rank is None:
        return "–"
    return str(rank.low) if rank.low == rank.high else f"{rank.low}–{rank.high}"


def letter(rank: Rank | None) -> str:
    """A tie group's name: A, B, …, Z, AA, …"""
    if rank is None:
        return ""
    name, group = "", rank.group
    while group >= 0:
        name, group = chr(ord("A") + group % 26) + name, group // 26 - 1
    return name


def _data(made: Board) -> dict[str, Any]:
    ranks = {rank.model: rank for rank in made.ranks}
    whole = {
        "format": 1,
        "models": [
            {
                "model": name,
                "rank": [ranks[m].low, ranks[m].high] if m in ranks else None,
                "tie_group": letter(ranks.get(m)) or None,
                "average": _estimate(made.average[m]),
                "bradley_terry": made.strengths[m],
                "seconds_per_sample": made.per_sample(m, "seconds"),
                "cost_per_sample": made.per_sample(m, "cost"),
                "weight_bytes": made.weights(m),
                "memory_bytes": made.memory(m).size,
                "memory_of": made.memory(m).of or None,
            }
            for m, name in enumerate(made.models)
        ],
        "tasks": [
            {
                "task": column.name,
                "metric": column.metric,
                "scale": column.scale,
                "higher_is_better": column.higher_is_better,
                "counts": column.counts,
                "toy": column.toy,
                "cells": [_cell(cell) for cell in column.cells],
                "difference": column.difference.tolist(),
                "standard_error": column.error.tolist(),
                "questions": column.questions,
            }
            for column in made.columns
        ],
        "groups": made.groups,
        "win_rates": [
            [made.win_rate(i, j) if i != j else math.nan for j in range(len(made.models))]
            for i in range(len(made.models))
        ],
        "notes": made.notes,
    }
    found: dict[str, Any] = finite(whole)
    return found


def _estimate(found: Any) -> dict[str, Any] | None:
    return {"value": found.value, "low": found.low, "high": found.high, "n": found.n} if found else None


def _cell(cell: Cell | None) -> dict[str, Any] | None:
    if cell is None or cell.entry.result is None:
        return None
    result = cell.entry.result
    metrics = [
        [m.name, m.estimate.value, m.estimate.low, m.estimate.high, m.estimate.n, m.scale] for m in result.metrics
    ]
    return {
        **(_estimate(cell.estimate) or {}),
        "failed": result.failed,
        "run": str(cell.run.folder),
        "created": cell.run.manifest.created,
        "signature": result.signature,
        "metrics": metrics,
        "seconds_per_sample": cell.seconds,
        "cost_per_sample": cell.cost,
    }


def _markdown(made: Board, title: str) -> str:
    ranks = {rank.model: rank for rank in made.ranks}
    names = [
        f"{column.name}{' (toy)' if column.toy else ''} {column.metric}{'' if column.higher_is_better else ' ↓'}"
        for column in made.columns
    ]
    head = ["rank", "tie", "model", "average", "95 %", *names]
    lines = [f"# {markdown_text(title)}", "", "| " + " | ".join(map(markdown_text, head)) + " |"]
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
        "Models of one tie group are not told apart from its best (Holm, 5 %); ranks are what the data leave open.",
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
