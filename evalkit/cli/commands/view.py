"""`evalkit view`: an index of all runs, to search, tag, open and compare."""

from __future__ import annotations

from pathlib import Path

import click

from evalkit.cli.examples import examples
from evalkit.core import UsageError


@click.command(
    "view",
    epilog=examples(
        "evalkit view --open",
        "evalkit view experiments --port 8123",
    ),
)
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUNS", default=Path("runs"))
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Port of the server.  [default: a free one]"
)
@click.option("--open", "opened", is_flag=True, help="Open the page in the browser.")
def command(folder: Path, port: int, opened: bool) -> None:
    """Serve an index of every run under RUNS on this machine: search, tags, notes, reports, comparisons.

    Reports are made when you open them and lie in a temporary folder. Tags and notes are the only thing that the page
    writes: into labels.json of the run's folder. Runs that go on are shown while they do.
    """
    from evalkit.cli.watched_run import serve_until_ctrl_c
    from evalkit.reporting.serving.sites import ViewSite

    if not folder.is_dir():
        raise UsageError(f"folder {folder} does not exist", fix="evalkit view RUNS, where RUNS holds run folders")
    serve_until_ctrl_c(ViewSite(folder), port, f"view {folder}", opened=opened)
