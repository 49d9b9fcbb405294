"""`evalkit report`: a report plugin over finished runs, to a file or to the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import click

from evalkit import plugins
from evalkit.cli.completion import complete_runs
from evalkit.cli.examples import examples
from evalkit.core import Sibling, UsageError
from evalkit.core.spec import parse
from evalkit.core.terminal import emit, say
from evalkit.runs.foreign.scored import runs_at
from evalkit.runs.written_report import BY_SUFFIX, FOLDER, Report, files_of, tags_of, write_folder, write_pieces


@click.command(
    "report",
    epilog=examples(
        "evalkit report runs/a                     print Markdown",
        "evalkit report runs/a -o report.html      one offline page with every sample",
        "evalkit report --compare runs/a runs/b    what changed, as runs/b/comparison.html",
        "evalkit report runs/a -o scores.csv       one line per score",
    ),
)
@click.argument(
    "runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN…", shell_complete=complete_runs
)
@click.option(
    "--as",
    "name",
    metavar="REPORT",
    help="Report plugin; see `evalkit list reports`.  [default: by the suffix of FILE]",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write to FILE; - prints.")
@click.option("--compare", "comparing", is_flag=True, help="Compare two runs on one page.")
@click.option(
    "--policy",
    metavar="FILE",
    help="With --compare: show the verdict of a gate with this policy file, or with `default`.",
)
@click.option(
    "--pair", "pairs", multiple=True, metavar="A=B", help="With --compare: pair task A with task B of another name."
)
def command(
    runs: tuple[Path, ...],
    name: str | None,
    out: Path | None,
    comparing: bool,
    policy: str | None,
    pairs: tuple[str, ...],
) -> None:
    """Write a report on one or more runs. RUN is a run folder or a folder of runs.

    RUN may also be an lm-eval output folder (--log_samples) or an Inspect log.
    """
    # Within a folder the oldest comes first, as the models were asked.
    found = [run for given in runs for run in runs_at(given)]
    suffix = out.suffix.lower() if out else ""
    if suffix not in ("", *BY_SUFFIX) and not (name or comparing):
        raise UsageError(
            "the suffix of -o says which format to write", found=str(out), fix=f"{', '.join(BY_SUFFIX)}; or --as REPORT"
        )
    chosen = name or ("comparison" if comparing else BY_SUFFIX.get(suffix, "markdown"))
    if comparing and len(found) != 2:
        raise UsageError("--compare takes two runs", found=f"{len(found)} runs", fix="name two run folders")
    if pairs and not comparing:
        raise UsageError("--pair goes with --compare", fix="evalkit report --compare A B --pair 'mmlu=mmlu_*'")
    options = {"policy": policy} if policy else {}
    if pairs:
        options["pairs"] = "\n".join(pairs)
    tags = tags_of(chosen)
    if out is None and "html" in tags:
        below = found[-1].folder if found[-1].folder.is_dir() else found[-1].folder.parent
        out = below / ("comparison.html" if comparing else "report.html")
    printed = out is None or str(out) == "-"
    if out is not None and not printed and "paged" in tags and "name" not in parse(chosen).options:
        options["name"] = out.stem
    made = cast("Report", plugins.load("report", chosen, options))(found)
    if FOLDER in tags:
        if out is None or printed:
            raise UsageError(f"{chosen} writes a folder of files", fix="-o DIR")
        for path in write_folder(out, made):
            say(f"wrote {path} ({_size(path)})")
        return
    if out is None or printed:
        for piece in _pieces(made):
            emit(piece)
        return
    for path in write_pieces(out, made):
        say(f"wrote {path} ({_size(path)})")


def _pieces(made: str | Iterator[str | bytes | Sibling]) -> Iterator[str]:
    """The pieces of a report that is one file."""
    for _, pieces in files_of("", made):
        yield from (piece for piece in pieces if isinstance(piece, str))


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
