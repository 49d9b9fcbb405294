"""Scores over time as one page: what changed first, with its date and the comparison; then every other series."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from evalkit import Run, plugins
from evalkit.comparing.changes import ChangePoint
from evalkit.comparing.history import HistoryFilter, Series, series_of
from evalkit.core import UsageError
from evalkit.reporting import Sibling, page
from evalkit.reporting.pages import file_of, sibling

META = {
    "name": "history",
    "summary": "scores over time per task and model, what changed first, with links to the comparisons",
    "tags": ["html", "history", "paged"],
}
_COMPARED = 5
"""Changes that get a page of their own, the latest first; of more the command is told."""


def report(
    runs: Sequence[Run],
    /,
    *,
    tasks: str = "",
    models: str = "",
    metric: str = "",
    across_models: bool = False,
    alpha: float = 0.01,
    title: str = "History",
    name: str = "",
) -> Iterator[str | Sibling]:
    """The page. `tasks` and `models` name what is shown, one a line; `alpha` is the p that flags a change. `name` is
    that of the file: the comparison of every change then lies next to it, as `<name>-change-1.html` and on."""
    wanted = HistoryFilter(tasks.splitlines(), models.splitlines(), metric, across_models, alpha)
    series = series_of(runs, wanted)
    if not series:
        raise UsageError("none of these runs has a score of that kind", fix="evalkit show lists the runs")
    return _pieces({str(run.folder): run for run in runs}, series, alpha, title, name)


def _pieces(
    runs: dict[str, Run], series: Sequence[Series], alpha: float, title: str, name: str
) -> Iterator[str | Sibling]:
    changed = sorted((one for one in series if one.changes), key=_last_change, reverse=True)
    compared = _comparisons(changed, runs, name) if name else []
    links = {(id(one), change.place): file_of(own, 1) for one, change, own, _ in compared}
    context = {
        "heading": title,
        "changed": changed,
        "steady": [one for one in series if not one.changes],
        "first": _first(changed, len(series)),
        "sentence": sentence,
        "link_of": lambda one, change: links.get((id(one), change.place), ""),
        "scores": sum(len(one.points) for one in series),
        "alpha": alpha,
    }
    yield from page(Path(__file__).parent, "page.html.j2", context, styles=["page.css"], scripts=["page.js"])
    for _, _, own, pieces in compared:
        yield Sibling(sibling(own, 1))
        yield from pieces


def _last_change(one: Series) -> str:
    return one.points[one.changes[-1].place].created


def _comparisons(
    changed: Sequence[Series], runs: Mapping[str, Run], name: str
) -> list[tuple[Series, ChangePoint, str, list[str | Sibling]]]:
    """The changes that get a page, the latest first, with its name and its pieces. Two runs that cannot be compared get
    none."""
    every = [(one, change) for one in changed for change in one.changes]
    every.sort(key=lambda pair: pair[0].points[pair[1].place].created, reverse=True)
    found: list[tuple[Series, ChangePoint, str, list[str | Sibling]]] = []
    for one, change in every[:_COMPARED]:
        own = f"{name}-change-{len(found) + 1}"
        write = plugins.load("report", "comparison", {"name": own})
        pair = [runs[one.points[place].folder] for place in (change.place - 1, change.place)]
        with contextlib.suppress(UsageError):
            found.append((one, change, own, list(write(pair))))
    return found


def _first(changed: Sequence[Series], count: int) -> str:
    """The answer in a sentence."""
    if not changed:
        return "No score changed." if count == 1 else f"None of the {count} scores changed."
    if count == 1:
        return "The score changed."
    return f"{len(changed)} of {count} scores changed."


def sentence(one: Series, change: ChangePoint) -> str:
    """`gsm8k · atlas-2: numeric fell from 78.1% to 65.0% on 2026-03-01 (p <0.001).`"""
    from evalkit.core.formatting import number, p_value

    moved = "rose" if change.after > change.before else "fell"
    levels = f"from {number(change.before, one.scale)} to {number(change.after, one.scale)}"
    day = one.points[change.place].created[:10]
    return f"{one.task} · {one.model}: {one.metric} {moved} {levels} on {day} (p {p_value(change.p_value)})."
