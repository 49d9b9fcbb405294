"""Finding the files that a path or a pattern of a task file means, and saying what there is where it means none."""

from __future__ import annotations

import difflib
import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from evalkit.core import UsageError


def find(pattern: str, base: Path | None) -> list[Path]:
    """The files that `pattern` (a path or a glob) names, sorted; relative to `base` first, then to the working folder.

    Raises UsageError where there are none, or where it names a folder.
    """
    for folder in _starts(pattern, base):
        path = folder / Path(pattern).expanduser()
        if path.is_file():
            return [path]
        if path.is_dir():
            raise UsageError(
                f"{pattern!r} is a folder",
                found=_listing(path),
                fix=f"name the files in it: {pattern.rstrip('/')}/*.jsonl",
            )
        matched = _matches(path)
        if matched:
            return matched
    raise _missing(pattern, base)


def find_texts(pattern: str, base: Path | None) -> list[Path]:
    """As `find`, but a folder stands for all files in it at any depth, hidden ones left out."""
    for folder in _starts(pattern, base):
        path = folder / Path(pattern).expanduser()
        if path.is_dir():
            inside = sorted(found for found in path.rglob("*") if found.is_file() and not _hidden(found, path))
            if not inside:
                raise UsageError(f"the folder {pattern!r} holds no files", at=str(path))
            return inside
    return find(pattern, base)


def is_gzipped(path: Path) -> bool:
    """Whether the name says that the file is compressed."""
    return path.name.lower().endswith(".gz")


def stem_of(path: Path) -> str:
    """The file's name without its format: "train" for train.jsonl.gz."""
    name = path.name[: -len(".gz")] if is_gzipped(path) else path.name
    return name.rpartition(".")[0] or name


def shown(path: Path) -> str:
    """The path as a person at the working folder would write it."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path.absolute())


def labels(paths: Sequence[Path]) -> list[str]:
    """A name for every file, unique among them: its stem, or what tells it apart from a namesake in another folder."""
    stems = [stem_of(path) for path in paths]
    if len(set(stems)) == len(stems):
        return stems
    top = _common_folder(paths)
    relative = [path.absolute().relative_to(top).as_posix() for path in paths]
    trimmed = [
        name[: len(name) - len(path.name)] + stem for name, path, stem in zip(relative, paths, stems, strict=True)
    ]
    return trimmed if len(set(trimmed)) == len(trimmed) else relative


def _starts(pattern: str, base: Path | None) -> list[Path]:
    # Joining an absolute path to any folder gives that path.
    if base is None or Path(pattern).expanduser().is_absolute():
        return [Path()]
    return [base, Path()]


def _matches(pattern: Path) -> list[Path]:
    # Path.glob takes no pattern with a root, and task files name absolute ones.
    found = glob.glob(str(pattern), recursive=True)  # noqa: PTH207
    return sorted(path for path in map(Path, found) if path.is_file())


def _hidden(path: Path, under: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(under).parts)


def _common_folder(files: Iterable[Path]) -> Path:
    return Path(os.path.commonpath([path.absolute().parent for path in files]))


def _missing(pattern: str, base: Path | None) -> UsageError:
    if glob.has_magic(pattern):
        where = " or ".join(shown(folder) for folder in _starts(pattern, base))
        return UsageError(f"no file matches {pattern!r}", found=f"looked in {where}", fix="check the pattern")
    first = _starts(pattern, base)[0] / Path(pattern).expanduser()
    folder = first.parent
    if not folder.is_dir():
        return UsageError(
            f"file {pattern!r} does not exist", found=f"the folder {shown(folder)} does not exist", fix="check the path"
        )
    near = difflib.get_close_matches(first.name, [path.name for path in folder.iterdir()], n=3)
    fix = f"did you mean {' or '.join(map(repr, near))}?" if near else "check the path"
    return UsageError(f"file {pattern!r} does not exist", found=_listing(folder), fix=fix)


def _listing(folder: Path, most: int = 8) -> str:
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{shown(folder)} holds {', '.join(names[:most]) or 'nothing'}{more}"
