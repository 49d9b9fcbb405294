"""Standard output and error in any encoding: nothing is lost because a terminal or a pipe cannot show it."""

from __future__ import annotations

import codecs
import io
import os
import sys
from pathlib import Path
from typing import TextIO

__all__ = ["json_for", "prepare_streams", "write_document"]

_PLAIN = {
    "–": "-", "—": "-", "−": "-", "·": "-", "…": "...", "×": "x", "±": "+-", "→": "->", "≤": "<=", "≥": ">=", "≈": "~",
    "✓": "+", "✗": "x", "▲": "^", "▼": "v", "∞": "inf", "µ": "u", "¢": "ct", "κ": "kappa", "“": '"', "”": '"', "’": "'",
    "─": "-", "━": "-", "╺": "-", "╸": "-", "█": "#", "│": "|",
}  # fmt: skip
"""Characters that evalkit itself prints, and what replaces them where they cannot be encoded."""
_HANDLER = "evalkit-plain"


def prepare_streams() -> None:
    """Have both streams replace what their encoding lacks, and give a process without them one that takes anything.

    A stream is missing where its descriptor was closed (`evalkit … >&-`).
    """
    codecs.register_error(_HANDLER, _plain)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 (open to the end)
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def _plain(error: UnicodeError) -> tuple[str, int]:
    """An error handler of codecs: a plain spelling where there is one, else the code point as `\\u20ac`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(_PLAIN.get(char) or _escaped(char) for char in lost), error.end


def _escaped(char: str) -> str:
    code = ord(char)
    if code < 0x10000:
        return f"\\u{code:04x}"
    # Two escapes, as JSON spells a code point beyond the first plane.
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def _can_show(stream: TextIO, text: str) -> bool:
    """Whether a stream's encoding has every character of a text."""
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def json_for(stream: TextIO, text: str) -> str:
    """A JSON document in which characters that the stream's encoding lacks are escaped: the same value."""
    if _can_show(stream, text):
        return text
    return "".join(char if char.isascii() else _escaped(char) for char in text)


def write_document(text: str) -> None:
    """A part of a document on stdout: UTF-8, as in evalkit's files, unless a terminal shows it in its own encoding."""
    stream = sys.stdout
    buffer = getattr(stream, "buffer", None)
    if buffer is None or stream.isatty():
        stream.write(text)
        return
    stream.flush()
    buffer.write(text.encode("utf-8"))
