"""`evalkit report`: a report plugin over finished runs, to a file or to the terminal."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import click

from evalkit import plugins
from evalkit.core import UsageError
from evalkit.spec import parse
from evalkit.store import Run, runs_under

_BY_SUFFIX = {".html": "html", ".htm": "html", ".md": "markdown", ".csv": "scores_csv", ".json": "scores_json"}


@click.command("report")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN…")
@click.option("--as", "name", metavar="REPORT", help="See evalkit list reports.  [default: by FILE's suffix]")
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write here; - prints.")
@click.option("--compare", "comparing", is_flag=True, help="A page that sets two runs beside each other.")
@click.option("--policy", metavar="FILE", help="With --compare: a gate's verdict on top; a policy file, or default.")
def command(runs: tuple[Path, ...], name: str | None, out: Path | None, comparing: bool, policy: str | None) -> None:
    """Report on every RUN (a run folder, or a folder of them) with a report plugin.

    \b
    Examples:
      evalkit report runs/a                     Markdown, printed
      evalkit report runs/a -o report.html      one offline page with every sample
      evalkit report --compare runs/a runs/b    what changed; comparison.html in B
      evalkit report runs/a -o scores.csv       one line a score
    """
    # Within a folder the oldest comes first, as the models were asked.
    found = [Run.open(folder) for given in runs for folder in (runs_under(given)[::-1] or [given])]
    chosen = name or ("comparison" if comparing else _BY_SUFFIX.get(out.suffix.lower() if out else "", "markdown"))
    if comparing and len(found) != 2:
        raise UsageError("--compare takes two runs", found=f"{len(found)} runs", fix="name two run folders")
    options = {"policy": policy} if policy else {}
    write = cast("Callable[[Sequence[Run]], str | Iterator[str]]", plugins.load("report", chosen, options))
    made = write(found)
    if out is None and _is_page(chosen):
        out = found[-1].folder / ("comparison.html" if comparing else "report.html")
    if out is None or str(out) == "-":
        for piece in _pieces(made):
            click.echo(piece, nl=False)
        return
    write_pieces(out, made)
    click.echo(f"wrote {out} ({_size(out)})")


def write_pieces(out: Path, made: str | Iterator[str]) -> None:
    """Write a report in one step: a reader sees the old file or the new one, never half. Raises UsageError."""
    new = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with new.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.writelines(_pieces(made))
        new.replace(out)
    except OSError as error:
        raise UsageError(f"cannot write {out}", found=error.strerror or str(error)) from None
    finally:
        new.unlink(missing_ok=True)


def _pieces(made: str | Iterator[str]) -> Iterator[str]:
    return iter((made,)) if isinstance(made, str) else made


def _is_page(chosen: str) -> bool:
    name = parse(chosen).name
    return any(entry.name == name and "html" in entry.tags for entry in plugins.index("report"))


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
