"""The response cache: one SQLite file in which every paid or computed reply is kept under its request's key.

Keys are made by evalkit.models.response_cache from the model's identity and the whole request, so that another model,
prompt or parameter can never hit. Losing the cache costs time, never a result: a file that turns out to be damaged,
when it is opened or at any later read or write, is set aside and another one begun.
"""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

from evalkit.core import UsageError
from evalkit.core.terminal import say
from evalkit.core.write_behind import WriteBehind

FILE = "responses.sqlite"
_BESIDE = ("", "-wal", "-shm")
"""SQLite's files of one database. A log that stayed behind would be taken for the next one's."""
_TABLE = "CREATE TABLE IF NOT EXISTS responses (key TEXT PRIMARY KEY, value BLOB, created REAL) WITHOUT ROWID"
_SEAL = b"\x9c"
"""Begins a value that carries its digest. SQLite checks no content: a damaged page would be an answer that no model
gave. What an older evalkit kept begins otherwise and is taken as it is."""
_MOST_WAITING = 4096
_LOOK_AGAIN = 1.0
"""Seconds after which replies that another process kept are seen."""


Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class CacheSize:
    path: Path
    entries: int
    bytes: int


class SqliteCache:
    """get and put by key. Writes are gathered into transactions, at most 50 ms after they were asked for; what is not
    yet written is served from memory."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._using, self._reading = threading.RLock(), threading.RLock()
        self._waiting: dict[str, bytes] = {}
        self._written: dict[str, bytes] = {}
        self._told = False
        self._begin()
        self._later = WriteBehind(self.flush)

    def _begin(self) -> None:
        self._db = _connect(self.path)
        self._file = _number(self.path)
        self._reader = sqlite3.connect(self.path, timeout=30.0, isolation_level=None, check_same_thread=False)
        self._looked = -math.inf

    def get(self, key: str) -> bytes | None:
        known = self._waiting.get(key) or self._written.get(key)
        if known is not None:
            return known
        return self._surviving(lambda: self._look_up(key), None)

    def kept(self, key: str) -> float:
        """When the reply of the key was written, in seconds since 1970; now where it is not written yet, and 0 where
        there is none."""
        if key in self._waiting or key in self._written:
            return time.time()
        return self._surviving(lambda: self._written_at(key), 0.0)

    def _written_at(self, key: str) -> float:
        with self._using:
            row = self._db.execute("SELECT created FROM responses WHERE key = ?", (key,)).fetchone()
        return float(row[0]) if row is not None else 0.0

    def _look_up(self, key: str) -> bytes | None:
        now = time.monotonic()
        with self._reading:
            if now - self._looked > _LOOK_AGAIN:
                # One look at the file serves many questions: locks, and reading anew what was read, are most of what a
                # question costs.
                self._look_away()
                self._reader.execute("BEGIN")
                self._looked = now
            row = self._reader.execute("SELECT value FROM responses WHERE key = ?", (key,)).fetchone()
        return None if row is None else _unsealed(bytes(row[0]))

    def _surviving(self, work: Callable[[], Found], otherwise: Found) -> Found:
        """What `work` finds; `otherwise` where the file cannot be used, which is said once and costs only time."""
        try:
            return work()
        except sqlite3.OperationalError as error:  # locked for long, a full or failing disk: the file may be sound
            self._tell(f"the response cache cannot be used: {error}")
        except (sqlite3.DatabaseError, OverflowError) as error:
            self._start_anew(error)
        return otherwise

    def _start_anew(self, error: Exception) -> None:
        with self._using, self._reading:
            for open_ in (self._reader, self._db):
                with contextlib.suppress(sqlite3.Error):
                    open_.close()
            self._written = {}
            # Another process may have set it aside already, and begun a new one.
            if _number(self.path) == self._file:
                aside = _aside(self.path)
                say(f"evalkit: the response cache is damaged ({error}); set aside as {aside}", err=True)
            self._begin()

    def _tell(self, message: str) -> None:
        if not self._told:
            self._told = True
            say(f"evalkit: {message}", err=True)

    def put(self, key: str, value: bytes) -> None:
        self._waiting[key] = value
        if len(self._waiting) >= _MOST_WAITING:
            self.flush()
        else:
            self._later.soon()

    def flush(self) -> None:
        """Write what waits. A full disk or a lock held for long loses only cache entries, with a warning."""
        with self._using:
            taken = list(self._waiting.items())
            self._surviving(lambda: self._write(taken), None)
            for key, value in taken:
                # What was put meanwhile waits for the next time.
                if self._waiting.get(key) is value:
                    del self._waiting[key]

    def _write(self, taken: list[tuple[str, bytes]]) -> None:
        now = time.time()
        with self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO responses VALUES (?, ?, ?)",
                ((key, _sealed(value), now) for key, value in taken),
            )
        with self._reading:
            # A look that lasts keeps the file from being tidied, and does not see what was written since.
            if time.monotonic() - self._looked > _LOOK_AGAIN:
                self._look_away()
            else:
                self._written.update(taken)

    def _look_away(self) -> None:
        """End the look at the file, which keeps it as it was."""
        if self._reader.in_transaction:
            self._reader.execute("COMMIT")
        self._written = {}
        self._looked = -math.inf

    def close(self) -> None:
        self._later.close()
        self.flush()
        with contextlib.suppress(sqlite3.Error):
            self._reader.close()
            self._db.close()

    def size(self) -> CacheSize:
        self.flush()
        with self._using:
            entries = self._surviving(self._count, 0)
        files = [self.path.with_name(FILE + end) for end in _BESIDE[:2]]
        return CacheSize(self.path, entries, sum(f.stat().st_size for f in files if f.exists()))

    def _count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM responses").fetchone()[0])

    def clear(self, older_than_days: float = 0.0) -> int:
        """Delete entries of at least that age and give the space back; returns how many were deleted."""
        self.flush()
        with self._using, self._reading:
            return self._surviving(lambda: self._delete(time.time() - older_than_days * 86400), 0)

    def _delete(self, until: float) -> int:
        self._look_away()
        with self._db:
            deleted = self._db.execute("DELETE FROM responses WHERE created <= ?", (until,)).rowcount
        self._db.execute("VACUUM")
        return deleted


def _sealed(value: bytes) -> bytes:
    return _SEAL + blake2b(value, digest_size=8).digest() + value


def _unsealed(kept: bytes) -> bytes | None:
    """The value; None where it is not what was kept."""
    if not kept.startswith(_SEAL):
        return kept
    value = kept[9:]
    return value if blake2b(value, digest_size=8).digest() == kept[1:9] else None


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _prepare(path)
    except sqlite3.OperationalError as error:  # locked for long, read-only, no space: not a damaged file
        raise UsageError(
            f"cannot open the response cache {path}", found=str(error), fix="EVALKIT_CACHE=DIR, or run with --no-cache"
        ) from error
    except sqlite3.DatabaseError:
        say(f"evalkit: the response cache was damaged; set aside as {_aside(path)}", err=True)
        return _prepare(path)


def _aside(path: Path) -> Path:
    """Move the database's files to names that nobody uses, and say the name of the first."""
    mark = f"damaged-{time.time_ns()}-{os.getpid()}"
    for end in _BESIDE:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + end).replace(path.with_name(f"{path.name}.{mark}{end}"))
    return path.with_name(f"{path.name}.{mark}")


def _number(path: Path) -> tuple[int, int] | None:
    """What tells a file from another of its name."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _prepare(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=30.0, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        # A write waits for no disk; a checkpoint does, so that after a power cut the newest replies may be missing from
        # the cache and the file is sound. The journal has these replies.
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute(_TABLE)
        db.commit()
    except sqlite3.Error:
        db.close()
        raise
    return db
