"""The append-only journal of a run: one record a line, every shared preamble once, safe against kill -9.

Records are handed to the operating system together, at most 50 ms after they were made, so a killed process loses at
most what it made in that time; a line that was torn by its end is dropped when the journal is opened again.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import fcntl
import os
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import orjson

from evalkit.core import Image, Record, RunError, UsageError, digest_of
from evalkit.core.claims import lock
from evalkit.core.write_behind import WriteBehind
from evalkit.runs.store import codec

RECORDS = "records.jsonl"
PREAMBLES = "preambles.jsonl"
IMAGES = "images"
_MOST_WAITING = 512


class Journal:
    """The writing end. Only one process may hold it; a second one gets a UsageError.

    Whoever writes anything else into the folder opens the journal first: it is the folder's lock.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = self._folder = folder
        self._records = _open(folder / RECORDS)
        try:
            lock(self._records, f"the run {folder}")
        except UsageError:
            os.close(self._records)
            raise
        _drop_torn_line(folder / RECORDS)
        _drop_torn_line(folder / PREAMBLES)
        self._preambles = _open(folder / PREAMBLES)
        self._known = set(read_preambles(folder))
        self._last: tuple[str, str] = ("", "")
        self._waiting: list[bytes] = []
        self._failed: Exception | None = None
        self._writing = threading.Lock()
        self._later = WriteBehind(self._write_quietly)

    def append(self, record: Record) -> None:
        """Write one record within 50 ms; raises RunError where the disk refused this one or one before it."""
        if self._failed is not None:
            raise self._failed
        self._waiting.append(codec.encode(record, self._preamble, self._place))
        if len(self._waiting) >= _MOST_WAITING:
            self.flush()
        else:
            self._later.soon()

    def flush(self) -> None:
        """Write what waits, now; raises RunError where the disk refuses or refused before."""
        self._write_quietly()
        if self._failed is not None:
            raise self._failed

    def _write_quietly(self) -> None:
        """What fails is kept for the next call of the run's own thread: nobody hears a thread that raises."""
        with self._writing:
            # A copy, then its length cut off: each is one step, so what is appended meanwhile from elsewhere stays.
            lines = self._waiting[:]
            del self._waiting[: len(lines)]
            if not lines or self._failed is not None:
                return
            try:
                _write(self._records, b"".join(lines), self._folder)
            except (RunError, OSError) as error:
                self._failed = error

    def keep_only(self, keep: Callable[[Record], bool]) -> None:
        """Drop the records that are not to be kept; all or nothing, so a crash leaves the old journal."""
        self.flush()
        if all(keep(record) for record in read_records(self._folder)):
            return
        path, new = self._folder / RECORDS, self._folder / (RECORDS + ".new")
        texts = Preambles(self._folder)
        with path.open("rb") as old, new.open("wb") as out:
            out.writelines(line for line in old if keep(codec.decode(line, texts, self._folder)))
            out.flush()
            os.fsync(out.fileno())
        fresh = _open(new)
        fcntl.flock(fresh, fcntl.LOCK_EX | fcntl.LOCK_NB)
        new.replace(path)
        os.close(self._records)
        self._records = fresh

    def close(self) -> None:
        """Write what waits and let go of the folder; raises RunError where the disk refused a record."""
        self._later.close()
        self._write_quietly()
        for descriptor in (self._records, self._preambles):
            os.close(descriptor)
        if self._failed is not None:
            raise self._failed

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        # Where a run ends for another reason, that one is told.
        with contextlib.nullcontext() if kind is None else contextlib.suppress(RunError, OSError):
            self.close()

    def _preamble(self, text: str) -> str:
        if self._last[0] == text:  # neighbours share it: one comparison instead of one digest
            return self._last[1]
        digest = digest_of(text)
        if digest not in self._known:
            packed = base64.b64encode(zlib.compress(text.encode("utf-8", "surrogatepass"), 6)).decode()
            line = orjson.dumps({"digest": digest, "zlib": packed}, option=orjson.OPT_APPEND_NEWLINE)
            _write(self._preambles, line, self._folder)
            self._known.add(digest)
        self._last = (text, digest)
        return digest

    def _place(self, image: Image) -> str:
        """Where the run keeps an image: one that has no file is written into the run folder, once."""
        if not image.source.startswith("data:"):
            return image.source
        name = f"{IMAGES}/{image.digest}{image.suffix}"
        path = self._folder / name
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            new = path.with_suffix(".new")
            with _told(self._folder):
                new.write_bytes(image.content())
            new.replace(path)
        return name


class Preambles:
    """Shared preambles by digest, read when the first one is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._packed: dict[str, str] | None = None
        self._last: tuple[str, str] = ("", "")

    def __call__(self, digest: str) -> str:
        if self._last[0] != digest:
            if self._packed is None or digest not in self._packed:
                self._packed = read_preambles(self._folder)
            if digest not in self._packed:
                raise RunError(f"{self._folder / PREAMBLES} lacks the preamble {digest}: the run folder is damaged")
            raw = zlib.decompress(base64.b64decode(self._packed[digest]))
            self._last = (digest, raw.decode("utf-8", "surrogatepass"))
        return self._last[1]


def read_records(folder: Path) -> Iterator[Record]:
    """Every complete record, streamed in the order written; a torn last line is left out.

    Raises RunError, with file and line, where an earlier line is damaged.
    """
    path = folder / RECORDS
    if not path.exists():
        return
    texts = Preambles(folder)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield codec.decode(line, texts, folder)
            except (ValueError, KeyError, TypeError) as error:
                raise RunError(f"{path}:{number}: not a record ({error})") from error


def read_preambles(folder: Path) -> dict[str, str]:
    path = folder / PREAMBLES
    if not path.exists():
        return {}
    with path.open("rb") as lines:
        entries = [orjson.loads(line) for line in lines if line.endswith(b"\n")]
    return {entry["digest"]: entry["zlib"] for entry in entries}


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)


def _write(descriptor: int, data: bytes, folder: Path) -> None:
    view = memoryview(data)
    with _told(folder):
        while view:
            view = view[os.write(descriptor, view) :]


@contextlib.contextmanager
def _told(folder: Path) -> Iterator[None]:
    """A disk that refuses, as RunError with what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO, errno.EROFS):
            raise
        raise RunError(
            f"cannot write to {folder}: {error.strerror}. Every record written so far is kept.\n"
            f"  make room, then: evalkit run --resume {folder}"
        ) from error


def _drop_torn_line(path: Path) -> None:
    """Cut a file back to its last newline; what follows it was being written when the process died."""
    if not path.is_file():
        return
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        position = end
        while position > 0:
            start = max(0, position - 65536)
            file.seek(start)
            newline = file.read(position - start).rfind(b"\n")
            if newline >= 0:
                position = start + newline + 1
                break
            position = start
        if position < end:
            file.truncate(position)
