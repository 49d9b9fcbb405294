"""Scores over time as one page: every series drawn with its intervals, levels and change points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from evalkit import Run
from evalkit.comparing.history import HistoryFilter, series_of
from evalkit.core import UsageError
from evalkit.reporting import page

META = {
    "name": "history",
    "summary": "scores over time per task and model, with intervals and change points",
    "tags": ["html", "history"],
}


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
) -> Iterator[str]:
    """The page. `tasks` and `models` name what is shown, one a line; `alpha` is the p that flags a change."""
    wanted = HistoryFilter(tasks.splitlines(), models.splitlines(), metric, across_models, alpha)
    series = series_of(runs, wanted)
    if not series:
        raise UsageError("none of these runs has a score of that kind", fix="evalkit show lists the runs")
    context = {"heading": title, "series": series, "alpha": alpha}
    return page(Path(__file__).parent, "page.html.j2", context, scripts=["page.js"])
