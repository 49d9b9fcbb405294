"""Lists that a table without lists (CSV) holds as text: as JSON, or as Python wrote them."""

from __future__ import annotations

import ast
import io
import json
import tokenize
from typing import Any

from evalkit.data.formats import excerpt

_BETWEEN = (tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT)


def listed(value: Any) -> list[Any]:
    """The list that a value is or, as text, means; a text that is not a list is one item; nothing is an empty list.

    Raises ValueError for a text that begins like a list and cannot be read as one, for a list that numpy printed
    (its items have no commas between them, and would be read as one text), and for a value of another kind.
    """
    if value is None or value == "":
        return []
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__}: {excerpt(str(value))}")
    text = value.strip()
    if not text.startswith("["):
        return [value]
    read = _json(text)
    return read if read is not None else _python(text)


def _json(text: str) -> list[Any] | None:
    try:
        read = json.loads(text)
    except ValueError:
        return None
    return read if isinstance(read, list) else None


def _python(text: str) -> list[Any]:
    try:
        read = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise ValueError(f"a list that is neither JSON nor Python's: {excerpt(text)}") from None
    if not isinstance(read, list):
        raise ValueError(f"no list: {excerpt(text)}")
    if _texts_touch(text):
        raise ValueError(f"a list as numpy prints it, without commas between its texts: {excerpt(text)}")
    return read


def _texts_touch(text: str) -> bool:
    """Whether two texts are next to each other, which Python reads as one."""
    before = -1
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in _BETWEEN:
            continue
        if token.type == tokenize.STRING == before:
            return True
        before = token.type
    return False
