"""`evalkit report`: a report plugin over finished runs, to a file or to the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import click

from evalkit import plugins
from evalkit.core import UsageError
from evalkit.store import Run, runs_under


@click.command("report")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN…")
@click.option("--as", "name", default="markdown", show_default=True, metavar="REPORT", help="See evalkit list reports.")
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write here instead of printing.")
def command(runs: tuple[Path, ...], name: str, out: Path | None) -> None:
    """Report on every RUN (a run folder, or a folder of them) with a report plugin."""
    found = [Run.open(folder) for given in runs for folder in (runs_under(given) or [given])]
    write = cast("Callable[[Sequence[Run]], str]", plugins.load("report", name))
    text = write(found)
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {out}", found=error.strerror or str(error)) from None
    click.echo(f"wrote {out}")
