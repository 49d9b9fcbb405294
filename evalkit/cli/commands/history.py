"""`evalkit history`: every score under a folder in the order it was measured, change points flagged."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
import orjson

from evalkit.cli.examples import examples
from evalkit.cli.json_option import json_option
from evalkit.core import UsageError
from evalkit.core.outside_text import one_line
from evalkit.core.terminal import emit_json, say, styled

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from evalkit.comparing.changes import ChangePoint
    from evalkit.comparing.history import HistoryFilter, Series
    from evalkit.runs.store import Run

_SHOWN = 15


@click.command(
    "history",
    epilog=examples("evalkit history runs --task mmlu", "evalkit history runs --across-models --html history.html"),
)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR", default=Path("runs"))
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Show this task only. Repeat it for several.")
@click.option("--model", "models", multiple=True, metavar="MODEL", help="Show this model only. Repeat it for several.")
@click.option("--metric", default="", metavar="METRIC", help="Metric to follow.  [default: each task's primary metric]")
@click.option("--across-models", is_flag=True, help="Join all models in one series per task, for checkpoints.")
@click.option(
    "--alpha", type=float, default=0.01, show_default=True, help="Flag changes with a p-value of at most this."
)
@click.option("--last", type=int, default=_SHOWN, show_default=True, help="Show this many runs of every series.")
@json_option
@click.option(
    "--html", "page", type=click.Path(path_type=Path), metavar="FILE", help="Write a page with a chart of every series."
)
def command(folder: Path, as_json: bool, last: int, page: Path | None, **given: Any) -> None:
    """Show how the scores of each task and model in DIR changed over time.

    A series holds runs with the same prompts, data and scorers; when these change, a new series begins.
    """
    if not 0.0 < given["alpha"] < 1.0:
        raise UsageError("--alpha must be between 0 and 1", found=str(given["alpha"]))
    from evalkit.comparing.history import HistoryFilter

    runs, series = _collect(folder, HistoryFilter(**given))
    if page is not None:
        _write_page(runs, given, page)
        say(f"wrote {page}")
        return
    if as_json:
        whole = {"format": 1, "alpha": given["alpha"], "series": [one.as_json() for one in series]}
        emit_json(orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())
        return
    from evalkit.cli.rendering.output import console

    out = console()
    for one in series:
        _show(out, one, last)
    flagged = sum(len(one.changes) for one in series)
    scores = sum(len(one.points) for one in series)
    out.print(
        f"{len(series)} series, {scores} scores, {flagged} change {'point' if flagged == 1 else 'points'} "
        f"(p ≤ {given['alpha']:g} over all cuts)",
        soft_wrap=True,
    )
    if changed := next((one for one in series if one.changes), None):
        place = changed.changes[-1].place
        before, after = changed.points[place - 1].folder, changed.points[place].folder
        out.print(f"next: evalkit compare {before} {after}", style="dim", soft_wrap=True)


def _collect(folder: Path, wanted: HistoryFilter) -> tuple[list[Run], list[Series]]:
    from evalkit.comparing.history import series_of

    if not folder.is_dir():
        raise UsageError(f"folder {folder} does not exist", fix="evalkit history DIR, where DIR holds run folders")
    runs = list(_runs(folder))
    found = series_of(runs, wanted)
    if not found:
        raise UsageError(f"{folder} holds no matching finished run", fix="evalkit show lists the runs")
    return runs, found


def _write_page(runs: list[Run], given: dict[str, Any], page: Path) -> None:
    from evalkit import plugins
    from evalkit.runs.written_report import Report, write_pieces

    only = {"tasks": "\n".join(given["tasks"]), "models": "\n".join(given["models"]), "metric": given["metric"]}
    options = only | {"name": page.stem, "across_models": str(given["across_models"]), "alpha": str(given["alpha"])}
    write = cast("Report", plugins.load("report", "history", options))
    write_pieces(page, write(runs))


def _runs(folder: Path) -> Iterable[Run]:
    """Every run at any depth; a folder that is damaged is none."""
    from evalkit.cli.commands.leaderboard import every_run

    yield from every_run(folder)


def _mark(change: ChangePoint, one: Series) -> Text:
    rose = change.after > change.before
    return styled(("▲" if rose else "▼", "green" if rose == one.higher_is_better else "red"))


def _show(out: Console, one: Series, last: int) -> None:
    from rich.table import Table

    from evalkit.core import formatting

    head = f"{one.task} · {one.metric} · {one.model}"
    out.print(styled((one_line(head), "bold"), "  ", (one.asked, "dim")), soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    table.add_column("measured", no_wrap=True)
    table.add_column("run", overflow="fold", min_width=10)
    for name in ("value", "95 % interval", "n"):
        table.add_column(name, justify="right", no_wrap=True)
    changes = {change.place: change for change in one.changes}
    first = max(0, len(one.points) - last)
    if first:
        table.add_row("", f"… {first} earlier", "", "", "", "")
    for place, point in enumerate(one.points[first:], first):
        change = changes.get(place)
        mark = "" if change is None else _mark(change, one)
        ends = (formatting.number(point.low, one.scale), formatting.number(point.high, one.scale))
        interval = "–" if set(ends) == {"–"} else " – ".join(ends)
        when = point.created[:16].replace("T", " ")
        value = formatting.number(point.value, one.scale)
        table.add_row(mark, when, one_line(point.folder), value, interval, f"{point.n:,}")
    out.print(table)
    for change in one.changes:
        point = one.points[change.place]
        out.print(
            f"changed at {point.created[:16].replace('T', ' ')}: {formatting.number(change.before, one.scale)} → "
            f"{formatting.number(change.after, one.scale)} (p {formatting.p_value(change.p_value)})",
            soft_wrap=True,
        )
    out.print()
