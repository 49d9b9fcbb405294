"""Rows out of files on this machine: for `files`, `texts`, `bundled`, and for the hub's mirror."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evalkit.core import BadRow, DataOptions, Row, RunError, UsageError
from evalkit.data import formats, paths
from evalkit.data.ids import NOT_UNIQUE, own_id
from evalkit.data.scanning import Scan, Stamp, ids_twice, scan
from evalkit.data.values import RowValues


@dataclass(frozen=True, slots=True)
class FileSource:
    """JSONL, JSON, CSV or Parquet files. `pattern` is a path or a glob, relative to `base` or the working folder."""

    pattern: str
    base: Path | None = None

    def open(self, options: DataOptions) -> OpenedFiles:
        """Find and scan the files. Raises UsageError: none found, no rows, or a bad row that is not to be skipped."""
        found = paths.find(self.pattern, self.base)
        return open_files(found, options, {"path": self.pattern})


@dataclass(frozen=True, slots=True)
class TextSource:
    """Whole text files, a row each: columns `text` and `name`."""

    patterns: tuple[str, ...]
    base: Path | None = None

    def open(self, options: DataOptions) -> OpenedFiles:
        """Find and scan the files. Raises UsageError: none found, or one is not UTF-8 and is not to be skipped."""
        if not self.patterns:
            raise UsageError("no text files are named", fix='texts("pages/*.txt")')
        found = [path for pattern in self.patterns for path in paths.find_texts(pattern, self.base)]
        # A file that two patterns name is one text.
        unique = list(dict.fromkeys(path.absolute() for path in found))
        return open_files(unique, options, {"path": " ".join(self.patterns)}, as_format="text")


@dataclass(frozen=True, slots=True)
class BundledSource:
    """A toy set that ships with evalkit."""

    name: str

    def open(self, options: DataOptions) -> OpenedFiles:
        """Open the set. Raises UsageError where there is none of that name."""
        from evalkit.data.toy import toy_path

        try:
            path = toy_path(self.name)
        except FileNotFoundError as error:
            raise UsageError(str(error)) from None
        return open_files([path], options, {"bundled": self.name})


@dataclass(frozen=True, slots=True)
class DataFile:
    """One scanned file. `label` begins the ids of its rows that have none of their own."""

    path: Path
    format_name: str
    label: str
    stamp: Stamp
    scan: Scan


@dataclass(frozen=True, slots=True)
class OpenedFiles:
    """Scanned files, in order. `count` counts rows and bad rows alike, as `rows()` yields them."""

    parts: tuple[DataFile, ...]
    facts: Mapping[str, str]
    use_own_ids: bool

    @property
    def digest(self) -> str:
        """32 hex digits of a SHA-256 over the content; of several files, over their digests in order."""
        if len(self.parts) == 1:
            return self.parts[0].scan.digest
        combined = "".join(part.scan.digest for part in self.parts)
        return hashlib.sha256(combined.encode()).hexdigest()[:32]

    @property
    def count(self) -> int:
        return sum(part.scan.rows for part in self.parts)

    def rows(self) -> Iterator[Row | BadRow]:
        """All rows, streamed. Raises RunError where a file is no longer what was scanned."""
        for part in self.parts:
            yield from self._rows_of(part)

    def _rows_of(self, part: DataFile) -> Iterator[Row | BadRow]:
        if Stamp.of(part.path) != part.stamp:
            raise RunError(f"{paths.shown(part.path)} changed after it was opened; run again")
        name = paths.shown(part.path)
        # Bad rows take a number too, so that a row's id does not depend on what is skipped before it.
        for number, item in enumerate(formats.read(part.path, part.format_name)):
            row_id = f"{part.label}/{number}"
            origin = name + item.place
            if item.values is None:
                yield BadRow(row_id, origin, item.problem)
                continue
            own = own_id(item.values) if self.use_own_ids else ""
            yield Row(own or row_id, RowValues(item.values, origin), origin)


def open_files(
    found: list[Path],
    options: DataOptions,
    facts: Mapping[str, str],
    *,
    as_format: Literal["", "text"] = "",
    label: str = "",
) -> OpenedFiles:
    """Scan files and stand by to read them. `label` replaces the stems that ids begin with (for a single file)."""
    names = [label] if label else paths.labels(found)
    parts = tuple(
        _scanned(path, as_format or formats.format_of(path), name) for path, name in zip(found, names, strict=True)
    )
    _reject_bad_rows(parts, options)
    total = sum(part.scan.rows for part in parts)
    readable = total - sum(part.scan.bad for part in parts)
    if not readable:
        raise UsageError(
            "the data set is empty" if not total else f"none of its {total} rows can be read",
            fix="check the file",
            at=paths.shown(found[0]),
        )
    collide = _ids_collide(parts)
    told = dict(facts)
    if len(parts) > 1:
        told["files"] = str(len(parts))
    if collide:
        told["ids"] = NOT_UNIQUE
    return OpenedFiles(parts, told, use_own_ids=not collide)


def _scanned(path: Path, format_name: str, label: str) -> DataFile:
    try:
        stamp = Stamp.of(path)
        return DataFile(path, format_name, label, stamp, scan(path, format_name))
    except OSError as error:
        raise UsageError("the file cannot be read", found=error.strerror or str(error), at=paths.shown(path)) from None


def _reject_bad_rows(parts: tuple[DataFile, ...], options: DataOptions) -> None:
    total = sum(part.scan.bad for part in parts)
    if not total or options.skip_bad_rows:
        return
    worst = next(part for part in parts if part.scan.bad)
    raise UsageError(
        "a row cannot be read" if total == 1 else f"{total} rows cannot be read; this is the first",
        found=worst.scan.first_bad_problem,
        fix="correct it, or use --skip-bad-rows to continue without it",
        at=paths.shown(worst.path) + worst.scan.first_bad_place,
    )


def _ids_collide(parts: tuple[DataFile, ...]) -> bool:
    own = sum(part.scan.own_ids for part in parts)
    if not own:
        return False
    # Where only some rows have ids, the others are numbered, and "train/3" could then stand twice.
    some_numbered = own < sum(part.scan.rows for part in parts)
    if some_numbered and any(part.scan.ids_like_numbered for part in parts):
        return True
    return ids_twice([(part.path, part.format_name, part.scan) for part in parts])
