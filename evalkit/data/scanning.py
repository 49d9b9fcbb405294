"""One streaming pass over a data file: its digest, its rows, what is unreadable. Remembered by path and time."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from evalkit.core import digest_of, paths
from evalkit.data import formats
from evalkit.data.ids import IdTally

_VERSION = 1
"""Grows when a scan finds or means something else, so that what older versions remembered is not used."""

_SETTLED_NS = 2_000_000_000
"""A file written within the last two seconds may change again without its modification time showing it."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass over a file found.

    digest: the first 32 hex digits of the SHA-256 of the uncompressed content (for Parquet: of the file).
    rows: all rows, the `bad` ones included. first_bad_place and first_bad_problem describe the first of those.
    own_ids: how many rows have an id of their own; ids_twice: whether two of those are the same;
    ids_like_numbered: whether one of them could be taken for a numbered id, such as "train/3".
    """

    digest: str
    rows: int
    bad: int
    first_bad_place: str
    first_bad_problem: str
    own_ids: int
    ids_twice: bool
    ids_like_numbered: bool


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells one state of a file from the next without reading it."""

    size: int
    modified_ns: int
    changed_ns: int

    @staticmethod
    def of(path: Path) -> Stamp:
        found = path.stat()
        # The change time, too: copying tools set the modification time back.
        return Stamp(found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def scan(path: Path, format_name: str) -> Scan:
    """Scan a file, or recall an earlier scan of it in the same state. Raises UsageError for a file that is broken."""
    stamp = Stamp.of(path)
    key = {"path": str(path.absolute()), "format": format_name, **asdict(stamp)}
    memory = _memory(key["path"], format_name)
    if recalled := _recall(memory, key):
        with contextlib.suppress(TypeError):
            return Scan(**recalled)
    fresh = _scan(path, format_name)
    if Stamp.of(path) == stamp and time.time_ns() - stamp.modified_ns > _SETTLED_NS:
        _remember(memory, key, asdict(fresh))
    return fresh


def ids_twice(files: Sequence[tuple[Path, str, Scan]]) -> bool:
    """Whether any two rows of these (path, format, scan) have the same id of their own; remembered by their content."""
    if any(found.ids_twice for _, _, found in files):
        return True
    with_ids = [(path, format_name, found.digest) for path, format_name, found in files if found.own_ids]
    if len(with_ids) < 2:
        return False
    digests = [f"{format_name}:{digest}" for _, format_name, digest in with_ids]
    memory, key = _memory("ids", *digests), {"ids": digests}
    if recalled := _recall(memory, key):
        return recalled.get("twice") is not False
    tally = IdTally()
    for path, format_name, _ in with_ids:
        for item in formats.read(path, format_name):
            tally.add(item.values)
    twice = tally.twice()
    _remember(memory, key, {"twice": twice})
    return twice


def _scan(path: Path, format_name: str) -> Scan:
    sha = hashlib.sha256()
    bad = 0
    first_bad = formats.RawItem("", None)
    tally = IdTally()
    for item in formats.read(path, format_name, tap=sha.update):
        tally.add(item.values)
        if item.values is None:
            first_bad = item if not bad else first_bad
            bad += 1
    return Scan(
        digest=sha.hexdigest()[:32],
        rows=tally.rows,
        bad=bad,
        first_bad_place=first_bad.place,
        first_bad_problem=first_bad.problem,
        own_ids=tally.own,
        ids_twice=tally.twice(),
        ids_like_numbered=tally.like_numbered,
    )


# ---------------------------------------------------------------- what is remembered


def remembered(key: tuple[str, ...], find: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `find` found for a key that names content, such as a digest: now, or in an earlier process."""
    memory, named = _memory(*key), {"key": list(key)}
    recalled = _recall(memory, named)
    if recalled is None:
        recalled = find()
        _remember(memory, named, recalled)
    return recalled


def _memory(*names: str) -> Path:
    return paths.cache_dir() / "scans" / f"{digest_of(*names)}.json"


def _recall(memory: Path, key: dict[str, Any]) -> dict[str, Any] | None:
    # Whatever is wrong with what was remembered (missing, torn, of another version), it can be found out again.
    try:
        stored = orjson.loads(memory.read_bytes())
        if stored["version"] == _VERSION and stored["key"] == key and stored["check"] == _check(stored["found"]):
            return dict(stored["found"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return None


def _remember(memory: Path, key: dict[str, Any], found: dict[str, Any]) -> None:
    data = orjson.dumps({"version": _VERSION, "key": key, "found": found, "check": _check(found)})
    # Written next to its place and moved there, so that another process reads all of it or nothing.
    with contextlib.suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=memory.parent, prefix=memory.stem)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            Path(name).replace(memory)
        except OSError:
            Path(name).unlink(missing_ok=True)


def _check(found: dict[str, Any]) -> str:
    return digest_of(*(f"{name}={found[name]!r}" for name in sorted(found)))
