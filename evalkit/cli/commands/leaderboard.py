"""`evalkit leaderboard`: the models of a folder of runs, ranked; a page, Markdown, CSV, JSON or a static site."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import click

from evalkit import plugins
from evalkit.cli.examples import examples
from evalkit.cli.json_option import json_option
from evalkit.core import UsageError
from evalkit.core.terminal import emit, emit_json, say
from evalkit.runs.store import Run
from evalkit.runs.written_report import Report, write_pieces

_FORMS = {".html": "html", ".htm": "html", ".md": "markdown", ".csv": "csv", ".json": "json", ".svg": "svg"}


@click.command(
    "leaderboard",
    epilog=examples(
        "evalkit leaderboard",
        "evalkit leaderboard runs --task mmlu -o board.csv",
        "evalkit leaderboard runs --site public",
    ),
)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR", default=Path("runs"))
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Rank by this task only. Repeat it for several.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write .html, .md, .csv, .json or .svg, by the suffix.",
)
@click.option(
    "--site", type=click.Path(path_type=Path), metavar="OUT", help="Write a static site with a page for every model."
)
@click.option("--title", default="Leaderboard", show_default=True, help="Heading of the page.")
@json_option
def command(
    folder: Path, tasks: tuple[str, ...], out: Path | None, site: Path | None, title: str, as_json: bool
) -> None:
    """Rank the models of all runs in DIR and its subfolders.

    Prints Markdown and writes DIR/leaderboard.html, unless you give -o, --site or --json.
    """
    runs = runs_of(folder, tasks)
    if as_json:
        emit_json(str(_load("json", title)(runs)))
        return
    if site is not None:
        say(f"wrote {write_site(runs, site, title)}")
        return
    if out is not None:
        form = _FORMS.get(out.suffix.lower())
        if form is None:
            more = "; the page itself saves a PNG" if out.suffix.lower() == ".png" else ""
            fix = ", ".join(_FORMS) + more
            raise UsageError("the suffix of -o says which format to write", found=str(out), fix=fix)
        write_pieces(out, _load(form, title)(runs))
    else:
        emit(str(_load("markdown", title)(runs)) + "\n")
        out = folder / "leaderboard.html"
        write_pieces(out, _load("html", title)(runs))
    say(f"wrote {out}")


def runs_of(folder: Path, tasks: Sequence[str] = ()) -> list[Run]:
    """Every run at any depth that has a result; of those tasks only, where they are named. Raises UsageError."""
    if not folder.is_dir():
        raise UsageError(f"folder {folder} does not exist", fix="evalkit leaderboard DIR, where DIR holds run folders")
    found = []
    for run in every_run(folder):
        entries = [entry for entry in run.manifest.tasks if entry.result and (not tasks or entry.name in tasks)]
        if entries:
            run.manifest.tasks = entries
            found.append(run)
    if not found:
        raise UsageError(f"{folder} holds no matching finished run", fix="evalkit show lists the runs")
    return found


def every_run(folder: Path) -> Iterator[Run]:
    """Every run at any depth, and every log of another harness; one that is damaged is said and left out."""
    from evalkit.runs.foreign.scored import logs_under

    own: list[Run | UsageError] = []
    for path in sorted(folder.rglob("manifest.json")):
        try:
            own.append(Run.open(path.parent))
        except UsageError as error:
            own.append(error)
    for run in itertools.chain(own, logs_under(folder)):
        if isinstance(run, UsageError):
            say(f"evalkit: left out: {str(run).splitlines()[0]}", err=True)
        else:
            yield run


def write_site(runs: Sequence[Run], folder: Path, title: str) -> Path:
    """The leaderboard as index.html, and in models/ a run report for each model, by its number on the board."""
    from evalkit.reporting.leaderboard import board

    index = folder / "index.html"
    write_pieces(index, _load("html", title, pages="models")(runs))
    made = board(runs)
    for number, model in enumerate(made.models):
        cells = [column.cells[number] for column in made.columns]
        own = list({id(cell.run): cell.run for cell in cells if cell}.values())
        page = cast("Report", plugins.load("report", "html", {"title": model, "name": str(number)}))
        write_pieces(folder / "models" / f"{number}.html", page(own))
    return index


def _load(form: str, title: str, **more: str) -> Report:
    return cast("Report", plugins.load("report", "leaderboard", {"form": form, "title": title, **more}))
