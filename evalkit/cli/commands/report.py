"""`evalkit report`: a report plugin over finished runs, to a file or to the terminal."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import click

from evalkit import plugins
from evalkit.core import Sibling, UsageError
from evalkit.core.spec import parse
from evalkit.core.terminal import emit, say
from evalkit.runs.store import Run, runs_under

Report = Callable[[Sequence[Run]], "str | Iterator[str | Sibling]"]
_BY_SUFFIX = {".html": "html", ".htm": "html", ".md": "markdown", ".csv": "scores_csv", ".json": "scores_json"}


@click.command("report")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN…")
@click.option("--as", "name", metavar="REPORT", help="See evalkit list reports.  [default: by FILE's suffix]")
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write here; - prints.")
@click.option("--compare", "comparing", is_flag=True, help="A page that sets two runs beside each other.")
@click.option("--policy", metavar="FILE", help="With --compare: a gate's verdict on top; a policy file, or default.")
@click.option(
    "--pair", "pairs", multiple=True, metavar="A=B", help="With --compare: A's task with B's of another name."
)
def command(
    runs: tuple[Path, ...],
    name: str | None,
    out: Path | None,
    comparing: bool,
    policy: str | None,
    pairs: tuple[str, ...],
) -> None:
    """Report on every RUN (a run folder, or a folder of them) with a report plugin.

    A RUN may also be lm-eval's output folder (--log_samples) or an Inspect log.

    \b
    Examples:
      evalkit report runs/a                     Markdown, printed
      evalkit report runs/a -o report.html      one offline page with every sample
      evalkit report --compare runs/a runs/b    what changed; comparison.html in B
      evalkit report runs/a -o scores.csv       one line a score
    """
    # Within a folder the oldest comes first, as the models were asked.
    found = [run for given in runs for run in _opened(given)]
    suffix = out.suffix.lower() if out else ""
    if suffix not in ("", *_BY_SUFFIX) and not (name or comparing):
        raise UsageError(
            "the file's suffix says what is written", found=str(out), fix=f"{', '.join(_BY_SUFFIX)}; or --as REPORT"
        )
    chosen = name or ("comparison" if comparing else _BY_SUFFIX.get(suffix, "markdown"))
    if comparing and len(found) != 2:
        raise UsageError("--compare takes two runs", found=f"{len(found)} runs", fix="name two run folders")
    if pairs and not comparing:
        raise UsageError("--pair goes with --compare", fix="evalkit report --compare A B --pair 'mmlu=mmlu_*'")
    options = {"policy": policy} if policy else {}
    if pairs:
        options["pairs"] = "\n".join(pairs)
    tags = _tags(chosen)
    if out is None and "html" in tags:
        below = found[-1].folder if found[-1].folder.is_dir() else found[-1].folder.parent
        out = below / ("comparison.html" if comparing else "report.html")
    printed = out is None or str(out) == "-"
    if out is not None and not printed and "paged" in tags and "name" not in parse(chosen).options:
        options["name"] = out.stem
    made = cast("Report", plugins.load("report", chosen, options))(found)
    if out is None or printed:
        for piece in _pieces(made):
            emit(piece)
        return
    for path in write_pieces(out, made):
        say(f"wrote {path} ({_size(path)})")


def _opened(given: Path) -> list[Run]:
    """The runs at or below a path, or the log of another harness where there are none."""
    folders = runs_under(given)[::-1]
    if not folders and given.exists():
        from evalkit.runs.foreign import open_log
        from evalkit.runs.foreign.scored import scored

        log = open_log(given)
        if log is not None:
            return [cast("Run", scored(log))]
    return [Run.open(folder) for folder in folders or [given]]


def write_pieces(out: Path, made: str | Iterator[str | Sibling]) -> list[Path]:
    """Write a report and what belongs beside it in one step: a reader sees the old file or the new one, never half.

    Returns the files that were written, the report first. Raises UsageError where the disk refuses.
    """
    waiting: list[tuple[Path, Path]] = []
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        for name, pieces in _files(out.name, made):
            path = out.with_name(name)
            new = out.with_name(f".{name}.{os.getpid()}")
            waiting.append((new, path))
            with new.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                file.writelines(pieces)
        for new, path in reversed(waiting):  # what it links to is there before the report is
            new.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write {out}", found=error.strerror or str(error)) from None
    finally:
        for new, _ in waiting:
            new.unlink(missing_ok=True)
    return [path for _, path in waiting]


def _files(name: str, made: str | Iterator[str | Sibling]) -> Iterator[tuple[str, Iterator[str]]]:
    """Each file's name and its pieces; those of one are to be read before the next is asked for."""
    pieces: Iterator[str | Sibling] = iter((made,)) if isinstance(made, str) else made
    following: list[str] = [name]

    def until_next() -> Iterator[str]:
        for piece in pieces:
            if isinstance(piece, Sibling):
                following.append(piece.name)
                return
            yield piece

    while following:
        yield following.pop(), until_next()


def _pieces(made: str | Iterator[str | Sibling]) -> Iterator[str]:
    """The pieces of a report that is one file."""
    for _, pieces in _files("", made):
        yield from pieces


def _tags(chosen: str) -> tuple[str, ...]:
    name = parse(chosen).name
    return next((tuple(entry.tags) for entry in plugins.index("report") if entry.name == name), ())


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
