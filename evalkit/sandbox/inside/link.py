"""Messages between two processes over a socket: a length of four bytes, then JSON."""

from __future__ import annotations

import json
import os
from typing import Any


class ClosedError(Exception):
    """The other side is gone."""


_WHOLE = 1 << 16
# The C parts of json, made once: a process that was just forked pays for every page of memory that it touches.
_ENCODE: Any = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
    None, json.JSONEncoder().default, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True
)
_DECODE: Any = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


def send(fd: int, message: Any) -> None:
    """Write one message; raises ClosedError where nobody reads any more."""
    data = "".join(_ENCODE(message, 0)).encode()
    view = memoryview(len(data).to_bytes(4, "big") + data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError as error:
        raise ClosedError(str(error)) from None


def receive(fd: int) -> Any:
    """The next message; raises ClosedError at the end and ValueError for what is not JSON."""
    size = int.from_bytes(exactly(fd, 4), "big")
    text = exactly(fd, size).decode()
    try:
        message, end = _DECODE(text, 0)
    except StopIteration:
        raise ValueError("no message") from None
    if end != len(text):
        raise ValueError("more than a message")
    return message


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
