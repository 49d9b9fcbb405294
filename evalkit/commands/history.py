"""`evalkit history`: every score under a folder in the order it was measured, change points flagged."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from evalkit.core import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from evalkit.comparison.changes import ChangePoint
    from evalkit.store import Run

_SHOWN = 15


@click.command("history")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR", default=Path("runs"))
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Only this task; may be repeated.")
@click.option("--model", "models", multiple=True, metavar="MODEL", help="Only this model; may be repeated.")
@click.option("--metric", metavar="METRIC", help="Instead of each task's headline.")
@click.option("--across-models", is_flag=True, help="One series a task, for checkpoints that have names of their own.")
@click.option("--alpha", type=float, default=0.01, show_default=True, help="p at which a change point is flagged.")
@click.option("--last", type=int, default=_SHOWN, show_default=True, help="Runs to show of every series.")
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON.")
def command(folder: Path, as_json: bool, last: int, **given: Any) -> None:
    """Show how scores under DIR moved over time, per task and model.

    Only runs that asked the same (task prompt, data, scorers) stand in one series; another question begins a new one.
    """
    if not 0.0 < given["alpha"] < 1.0:
        raise UsageError("--alpha lies between 0 and 1", found=str(given["alpha"]))
    series = _collect(folder, given)
    if as_json:
        whole = {"format": 1, "alpha": given["alpha"], "series": [one.as_json() for one in series]}
        click.echo(orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode(), nl=False)
        return
    from evalkit.commands.output import console

    out = console()
    for one in series:
        _show(out, one, last)
    flagged = sum(len(one.changes) for one in series)
    runs = sum(len(one.points) for one in series)
    out.print(
        f"{len(series)} series, {runs} scores, {flagged} change {'point' if flagged == 1 else 'points'} "
        f"(p ≤ {given['alpha']:g} over all cuts)",
        soft_wrap=True,
    )
    if changed := next((one for one in series if one.changes), None):
        place = changed.changes[-1].place
        before, after = changed.points[place - 1].folder, changed.points[place].folder
        out.print(f"next: evalkit compare {before} {after}", style="dim", markup=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class _Point:
    created: str
    folder: str
    model: str
    value: float
    low: float
    high: float
    n: int
    failed: int
    error: float


@dataclass(slots=True)
class _Series:
    """Scores that can be compared: one task, metric and question, and one model unless all are taken together."""

    task: str
    model: str
    metric: str
    scale: str
    higher_is_better: bool
    asked: str
    points: list[_Point] = field(default_factory=list)
    changes: list[ChangePoint] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "model": self.model,
            "metric": self.metric,
            "asked": self.asked,
            "points": [
                {name: _finite(getattr(point, name)) for name in point.__slots__ if name != "error"}
                for point in self.points
            ],
            "change_points": [
                {
                    "run": self.points[change.place].folder,
                    "place": change.place,
                    "before": change.before,
                    "after": change.after,
                    "p": change.p_value,
                }
                for change in self.changes
            ],
        }


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _collect(folder: Path, given: dict[str, Any]) -> list[_Series]:
    from evalkit.comparison.changes import change_points

    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", fix="evalkit history DIR, where DIR holds run folders")
    found: dict[tuple[str, ...], _Series] = {}
    for run in _runs(folder):
        for key, series, point in _points(run, given):
            found.setdefault(key, series).points.append(point)
    if not found:
        raise UsageError(f"{folder} holds no finished run of that kind", fix="evalkit show lists the runs")
    for one in found.values():
        one.points.sort(key=lambda point: (point.created, point.folder))
        usable = [place for place, point in enumerate(one.points) if point.error > 0.0]
        changes = change_points(
            [one.points[place].value for place in usable],
            [one.points[place].error for place in usable],
            alpha=given["alpha"],
        )
        one.changes = [replace(change, place=usable[change.place]) for change in changes]
    return sorted(found.values(), key=lambda one: (one.task, one.model, one.points[0].created))


def _runs(folder: Path) -> Iterable[Run]:
    """Every run at any depth; a folder that is damaged is none."""
    from evalkit.store import Run

    for path in sorted(folder.rglob("manifest.json")):
        try:
            yield Run.open(path.parent)
        except UsageError as error:
            click.echo(f"evalkit: left out: {str(error).splitlines()[0]}", err=True)


def _points(run: Run, given: dict[str, Any]) -> Iterable[tuple[tuple[str, ...], _Series, _Point]]:
    from evalkit.comparison.changes import standard_error_of

    model = run.model
    if given["models"] and model not in given["models"]:
        return
    for entry in run.manifest.tasks:
        result = entry.result
        if result is None or (given["tasks"] and entry.name not in given["tasks"]):
            continue
        metric = result.metric(given["metric"] or "")
        if metric is None or not math.isfinite(metric.estimate.value):
            continue
        estimate = metric.estimate
        # What has to be equal for two numbers to be of one series, besides the samples and their prompts.
        asked = [entry.identity.get(key, "–") for key in ("version", "method", "method settings", "scorers", "judge")]
        digests = (result.samples_digest[:8], result.prompts_digest[:8])
        owner = "all models" if given["across_models"] else model
        key = (entry.name, owner, metric.name, *asked, *digests)
        better = metric.higher_is_better
        series = _Series(
            entry.name,
            owner,
            metric.name,
            metric.scale,
            better,
            f"data {digests[0] or '–'}, prompt {digests[1] or '–'}",
        )
        yield (
            key,
            series,
            _Point(
                run.manifest.created,
                str(run.folder),
                str(entry.identity.get("model", model)),
                estimate.value,
                estimate.low,
                estimate.high,
                estimate.n,
                result.failed,
                standard_error_of(estimate.low, estimate.high, estimate.confidence, estimate.n),
            ),
        )


def _mark(change: ChangePoint, one: _Series) -> str:
    rose = change.after > change.before
    return f"[{'green' if rose == one.higher_is_better else 'red'}]{'▲' if rose else '▼'}[/]"


def _show(out: Console, one: _Series, last: int) -> None:
    from rich.table import Table

    from evalkit.commands.output import escaped
    from evalkit.gates.outputs import words

    head = f"{one.task} · {one.metric} · {one.model}"
    out.print(f"[bold]{escaped(words.plain(head))}[/]  [dim]{one.asked}[/]", soft_wrap=True)
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
        interval = f"{words.value(point.low, one.scale)} – {words.value(point.high, one.scale)}"
        when = point.created[:16].replace("T", " ")
        value = words.value(point.value, one.scale)
        table.add_row(mark, when, escaped(words.plain(point.folder)), value, interval, f"{point.n:,}")
    out.print(table)
    for change in one.changes:
        point = one.points[change.place]
        out.print(
            f"changed at {point.created[:16].replace('T', ' ')}: {words.value(change.before, one.scale)} → "
            f"{words.value(change.after, one.scale)} (p {words.p_value(change.p_value)})",
            markup=False,
            soft_wrap=True,
        )
    out.print()
