"""JSON as servers send it: what is broken in it is read all the same, replaced visibly, and told.

A reply was paid for when it arrives. Half of a surrogate pair, a NUL and bytes that are no UTF-8 become U+FFFD; raw
control characters, a byte order mark, NaN and whatever follows the first value are read over.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from evalkit.core import ModelError

__all__ = ["REPAIRED", "read_json", "read_piece", "written"]

REPAIRED = "text-repaired"
"""The note of a reply in which something was replaced."""
_LOOSE = json.JSONDecoder(strict=False)
_LOST = "\ufffd"


def read_json(data: bytes) -> tuple[Any, bool]:
    """(value, whether anything was replaced or left out of it). Raises ValueError where no JSON begins."""
    try:
        value = orjson.loads(data)
    except ValueError:
        value, exact = _loosely(data)
    else:
        if b"\\u0000" not in data:
            return value, False
        exact = True
    sounded = sound(value)
    return sounded, not exact or sounded != value


def read_piece(data: bytes) -> Any:
    """The value of one event of a stream. Halves of surrogate pairs stay: the other half may be in the next. Raises
    ValueError."""
    try:
        return orjson.loads(data)
    except ValueError:
        return _loosely(data)[0]


def _loosely(data: bytes) -> tuple[Any, bool]:
    text = data.decode("utf-8-sig", "replace")
    at = len(text) - len(text.lstrip())
    if text.startswith("data:", at):  # one event of a stream that nobody asked for
        at += len("data:")
        at += len(text[at:]) - len(text[at:].lstrip())
    value, end = _LOOSE.raw_decode(text, at)
    exact = not text[end:].strip(" \t\r\n\x00") and "\ufffd" not in text
    return value, exact


def sound(value: Any) -> Any:
    """The value with texts that can be written down: pairs of surrogates joined, what is left of them and NULs
    replaced."""
    if isinstance(value, str):
        return _joined(value).replace("\x00", _LOST)
    if isinstance(value, list):
        return [sound(one) for one in value]
    if isinstance(value, dict):
        return {sound(name): sound(one) for name, one in value.items()}
    return value


def _joined(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def written(value: Any, *, option: int = 0) -> bytes:
    """JSON to send. Halves of surrogate pairs, which broken data sets hold and orjson refuses, are escaped. Raises
    ModelError for what is not JSON."""
    try:
        return orjson.dumps(value, option=option)
    except TypeError:
        try:
            return json.dumps(value, sort_keys=bool(option & orjson.OPT_SORT_KEYS)).encode("ascii")
        except (TypeError, ValueError) as error:
            raise ModelError(f"the request cannot be written as JSON: {error}") from error
