"""The response cache: one SQLite file in which every paid or computed reply is kept under its request's key.

Keys are made by evalkit.models.response_cache from the model's identity and the whole request, so that another model,
prompt or parameter can never hit. Losing the cache costs time, never a result: a damaged file is set aside.
"""

from __future__ import annotations

import math
import sqlite3
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from evalkit.core import UsageError
from evalkit.core.write_behind import WriteBehind

FILE = "responses.sqlite"
_MOST_WAITING = 4096
_LOOK_AGAIN = 1.0
"""Seconds after which replies that another process kept are seen."""


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
        self._db = _connect(self.path)
        self._reader = sqlite3.connect(self.path, timeout=30.0, isolation_level=None, check_same_thread=False)
        self._looked = -math.inf
        self._using, self._reading = threading.Lock(), threading.Lock()
        self._waiting: dict[str, bytes] = {}
        self._written: dict[str, bytes] = {}
        self._later = WriteBehind(self.flush)

    def get(self, key: str) -> bytes | None:
        known = self._waiting.get(key) or self._written.get(key)
        if known is not None:
            return known
        now = time.monotonic()
        with self._reading:
            if now - self._looked > _LOOK_AGAIN:
                # One look at the file serves many questions: locks, and reading anew what was read, are most of what a
                # question costs.
                self._look_away()
                self._reader.execute("BEGIN")
                self._looked = now
            row = self._reader.execute("SELECT value FROM responses WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def put(self, key: str, value: bytes) -> None:
        self._waiting[key] = value
        if len(self._waiting) >= _MOST_WAITING:
            self.flush()
        else:
            self._later.soon()

    def flush(self) -> None:
        """Write what waits. A full disk or a lock held for long loses only cache entries, with a warning."""
        with self._using:
            now = time.time()
            taken = list(self._waiting.items())
            try:
                with self._db:
                    rows = ((key, value, now) for key, value in taken)
                    self._db.executemany("INSERT OR REPLACE INTO responses VALUES (?, ?, ?)", rows)
            except sqlite3.Error as error:
                print(f"evalkit: {len(taken)} replies were not cached: {error}", file=sys.stderr)
            with self._reading:
                # A look that lasts keeps the file from being tidied, and does not see what was written since.
                if time.monotonic() - self._looked > _LOOK_AGAIN:
                    self._look_away()
                else:
                    self._written.update(taken)
            for key, _ in taken:
                self._waiting.pop(key, None)

    def _look_away(self) -> None:
        """End the look at the file, which keeps it as it was."""
        if self._reader.in_transaction:
            self._reader.execute("COMMIT")
        self._written = {}
        self._looked = -math.inf

    def close(self) -> None:
        self._later.close()
        self.flush()
        self._reader.close()
        self._db.close()

    def size(self) -> CacheSize:
        self.flush()
        with self._using:
            entries = int(self._db.execute("SELECT count(*) FROM responses").fetchone()[0])
        files = (self.path, self.path.with_name(FILE + "-wal"))
        return CacheSize(self.path, entries, sum(f.stat().st_size for f in files if f.exists()))

    def clear(self, older_than_days: float = 0.0) -> int:
        """Delete entries of at least that age and give the space back; returns how many were deleted."""
        self.flush()
        with self._reading:
            self._look_away()
        with self._using:
            with self._db:
                limit = time.time() - older_than_days * 86400
                deleted = self._db.execute("DELETE FROM responses WHERE created <= ?", (limit,)).rowcount
            self._db.execute("VACUUM")
        return deleted


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _prepare(path)
    except sqlite3.OperationalError as error:  # locked for long, read-only, no space: not a damaged file
        raise UsageError(
            f"cannot open the response cache {path}", found=str(error), fix="EVALKIT_CACHE=DIR, or run with --no-cache"
        ) from error
    except sqlite3.DatabaseError:
        aside = path.with_name(f"{FILE}.damaged-{int(time.time())}")
        path.replace(aside)
        print(f"evalkit: the response cache was damaged; set aside as {aside}", file=sys.stderr)
        return _prepare(path)


def _prepare(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=30.0, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    # After a power cut the newest replies may be missing from the cache, never torn; the journal has them.
    db.execute("PRAGMA synchronous=OFF")
    db.execute("CREATE TABLE IF NOT EXISTS responses (key TEXT PRIMARY KEY, value BLOB, created REAL) WITHOUT ROWID")
    db.commit()
    return db
