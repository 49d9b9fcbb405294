"""Indexes of chunks, kept on disk by the digest of what they are made of."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from evalkit.core import UsageError, paths


class Saved(Protocol):
    """An index that can be written into a folder."""

    def save(self, folder: Path) -> None: ...


Index = TypeVar("Index", bound=Saved)


def kept(digest: str, make: Callable[[], Index], load: Callable[[Path], Index]) -> Index:
    """The index of that digest from the cache, else made and kept there.

    One that cannot be read any more is made again. Several processes may do so at once: each writes a folder of its
    own, and the first to put it into place wins.
    """
    folder = paths.cache_dir() / "rag" / digest
    if folder.is_dir():
        try:
            return load(folder)
        except UsageError:
            raise
        except Exception:  # noqa: BLE001 - whatever a library makes of a damaged file: it is made again
            shutil.rmtree(folder, ignore_errors=True)
    index = make()
    _write(index, folder)
    return index


def _write(index: Any, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    own = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    try:
        index.save(own)
        own.rename(folder)
    except OSError:
        # Another process was first, or the disk is full: this run has its index in memory.
        shutil.rmtree(own, ignore_errors=True)
