"""Messages between two processes over a socket: a length of four bytes, then JSON."""

from __future__ import annotations

import json
import os
from typing import Any


class ClosedError(Exception):
    """The other side is gone."""


_WHOLE = 1 << 16


def send(fd: int, message: Any) -> None:
    """Write one message; raises ClosedError where nobody reads any more."""
    data = json.dumps(message, separators=(",", ":"), check_circular=False).encode()
    view = memoryview(len(data).to_bytes(4, "big") + data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError as error:
        raise ClosedError(str(error)) from None


def receive(fd: int) -> Any:
    """The next message; raises ClosedError at the end and ValueError for what is no JSON."""
    size = int.from_bytes(exactly(fd, 4), "big")
    return json.loads(exactly(fd, size))


def exactly(fd: int, size: int) -> bytes:
    """So many bytes; raises ClosedError where the stream ends before."""
    parts = []
    while size:
        try:
            part = os.read(fd, min(size, _WHOLE))
        except OSError as error:
            raise ClosedError(str(error)) from None
        if not part:
            raise ClosedError("the stream ended")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def read_all(fd: int, most: int = -1) -> bytes:
    """What a file holds from its start, or the first `most` bytes."""
    size = os.fstat(fd).st_size
    return os.pread(fd, size if most < 0 else min(size, most), 0)
