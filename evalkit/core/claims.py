"""Folders and files that one process has: claimed by being made, held while they are written, replaced in one step.

Two processes that look for a free name find the same one. Making a folder, or a file with O_EXCL, succeeds for one.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from evalkit.core.errors import UsageError

__all__ = ["abandon", "is_held", "lock", "new_file", "new_folder", "rewrite"]

_TRIES, _PAUSE_SECONDS = 10, 0.02


def new_folder(parent: Path) -> Path:
    """A new folder in `parent`, named by the UTC time to the second, with a number where several are made within one.

    Raises UsageError where it cannot be made.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for name in _names():
            with contextlib.suppress(FileExistsError):
                (parent / name).mkdir()
                return parent / name
    except OSError as error:
        raise UsageError(f"cannot make a folder in {parent}", found=error.strerror or "", fix="--out DIR") from None
    raise AssertionError("the names never end")


def new_file(parent: Path, ending: str) -> Path:
    """A new, empty file in `parent` with that ending, named as `new_folder` names. Raises UsageError as it does."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for name in _names():
            with contextlib.suppress(FileExistsError):
                os.close(os.open(parent / (name + ending), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
                return parent / (name + ending)
    except OSError as error:
        raise UsageError(f"cannot make a file in {parent}", found=error.strerror or "", fix="--out FILE") from None
    raise AssertionError("the names never end")


def abandon(folder: Path) -> None:
    """Take a claimed folder away again where nothing was put into it."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def rewrite(path: Path, data: bytes) -> None:
    """Replace a file in one step: a reader, a second writer or a crash sees the old one or the new one, never half.

    Raises OSError where the disk refuses; the old file is then still there.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with new.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        new.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink()
        raise


def lock(descriptor: int, what: str) -> None:
    """Hold an open file until it is closed. Raises UsageError where another process holds it; `what` names it.

    It is tried for a fifth of a second, since whoever asks `is_held` holds the file for some microseconds.
    """
    for _ in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(_PAUSE_SECONDS)
        else:
            return
    raise UsageError(f"{what} is being written by another process", fix="wait for it, or give another --out")


def is_held(path: Path) -> bool:
    """Whether a process holds a file by `lock`. One that is not there is held by none."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _names() -> Iterator[str]:
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return itertools.chain([stamp], (f"{stamp}-{number}" for number in itertools.count(2)))
