"""A report plugin over runs, written to a file in one step."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from evalkit import plugins
from evalkit.core import Sibling, UsageError
from evalkit.core.spec import parse
from evalkit.runs.store import Run

__all__ = ["BY_SUFFIX", "Report", "files_of", "tags_of", "write_folder", "write_pieces", "write_report"]

Report = Callable[[Sequence[Run]], "str | Iterator[str | bytes | Sibling]"]
BY_SUFFIX = {".html": "html", ".htm": "html", ".md": "markdown", ".csv": "scores_csv", ".json": "scores_json"}
"""Which report a file's name asks for."""
FOLDER = "folder"
"""The tag of a report that is a folder of files, each of which it names."""


def write_report(
    runs: Sequence[Run], out: Path, name: str = "", options: Mapping[str, str] | None = None
) -> list[Path]:
    """Write the report of that name (by default the one that the file's name asks for) and return its files.

    Raises UsageError for an unknown report or ending, and where the disk refuses.
    """
    if not name and out.suffix.lower() not in BY_SUFFIX:
        fix = f"{', '.join(BY_SUFFIX)}; or the name of a report"
        raise UsageError("the file's suffix says what is written", found=str(out), fix=fix)
    chosen = name or BY_SUFFIX[out.suffix.lower()]
    given = dict(options or {})
    if "paged" in tags_of(chosen) and "name" not in parse(chosen).options:
        given.setdefault("name", out.stem)
    made = cast("Report", plugins.load("report", chosen, given))(runs)
    if FOLDER in tags_of(chosen):
        return write_folder(out, made)
    return write_pieces(out, made)


def tags_of(chosen: str) -> tuple[str, ...]:
    """The tags of the report of that name."""
    name = parse(chosen).name
    return next((tuple(entry.tags) for entry in plugins.index("report") if entry.name == name), ())


def write_pieces(out: Path, made: str | Iterator[str | bytes | Sibling]) -> list[Path]:
    """Write a report and what belongs next to it in one step: a reader sees the old file or the new one, never half.

    Returns the files that were written, the report first. Raises UsageError where the disk refuses.
    """
    waiting: list[tuple[Path, Path]] = []
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        for name, pieces in files_of(out.name, made):
            path = out.with_name(name)
            new = out.with_name(f".{name}.{os.getpid()}")
            waiting.append((new, path))
            with new.open("wb") as file:
                file.writelines(_bytes(piece) for piece in pieces)
        for new, path in reversed(waiting):  # what it links to is there before the report is
            new.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write {out}", found=error.strerror or str(error)) from None
    finally:
        for new, _ in waiting:
            new.unlink(missing_ok=True)
    return [path for _, path in waiting]


def write_folder(folder: Path, made: str | Iterator[str | bytes | Sibling]) -> list[Path]:
    """Write a report that names all of its files into a folder; returns them. Raises UsageError as `write_pieces`."""
    pieces: Iterator[str | bytes | Sibling] = iter((made,)) if isinstance(made, str) else made
    first = next(pieces, None)
    assert isinstance(first, Sibling), "a report with the tag folder names its first file"
    return write_pieces(folder / first.name, pieces)


def _bytes(piece: str | bytes) -> bytes:
    return piece if isinstance(piece, bytes) else piece.encode("utf-8", "backslashreplace")


def files_of(name: str, made: str | Iterator[str | bytes | Sibling]) -> Iterator[tuple[str, Iterator[str | bytes]]]:
    """Each file's name and its pieces; those of one are to be read before the next is asked for."""
    pieces: Iterator[str | bytes | Sibling] = iter((made,)) if isinstance(made, str) else made
    following: list[str] = [name]

    def until_next() -> Iterator[str | bytes]:
        for piece in pieces:
            if isinstance(piece, Sibling):
                following.append(piece.name)
                return
            yield piece

    while following:
        yield following.pop(), until_next()
