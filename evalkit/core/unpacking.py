"""Compressed files from outside: what they unpack to is bounded while it is unpacked."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from evalkit.core.errors import UsageError

__all__ = ["FREE", "LARGEST", "RATIO", "Gzip", "check_size"]

FREE = 64 << 20
"""Bytes that any archive may unpack to, whatever its ratio: text of one letter packs a thousand times."""
RATIO = 200
"""How many times its size a larger archive may unpack to. Logs and data sets pack 3 to 60 times."""
LARGEST = 64 << 30


def check_size(packed: int, unpacked: int, what: str) -> None:
    """Raises UsageError where so many bytes from so few are no data but an attack on memory or disk."""
    if unpacked > LARGEST or (unpacked > FREE and unpacked > RATIO * max(1, packed)):
        raise UsageError(
            "the archive unpacks to far more than data does",
            found=f"{unpacked:,} bytes and more from {packed:,}",
            fix="unpack it yourself if you know what it holds",
            at=what,
        )


class Gzip(gzip.GzipFile):
    """A gzip file that is read; a read raises UsageError once it has unpacked to too much (`check_size`)."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self._path, self._packed, self._unpacked = path, path.stat().st_size, 0

    def read(self, size: int | None = -1) -> bytes:
        # In pieces, so that a file that is read as a whole is stopped on the way.
        if size is not None and 0 <= size <= FREE:
            return self._counted(super().read(size))
        pieces = []
        while piece := self._counted(super().read(1 << 20)):
            pieces.append(piece)
        return b"".join(pieces)

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read1(self, size: int = -1) -> bytes:
        return self._counted(super().read1(size if size >= 0 else 1 << 20))

    def _counted(self, data: bytes) -> bytes:
        self._unpacked += len(data)
        check_size(self._packed, self._unpacked, str(self._path))
        return data
