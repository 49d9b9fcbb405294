"""Options of models as text (`max_length=2048`), read into what they mean. Every provider says what its own may be."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from evalkit.core import UsageError
from evalkit.core.spec import nearest, unknown

__all__ = ["Reader", "matching", "one_of", "read_options", "seconds", "tokens", "whole", "yes_no"]

Reader = Callable[[str, str], object]
"""Takes an option's name and its text; returns the value or raises UsageError."""

_YES = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def read_options(
    texts: Mapping[str, str],
    names: Iterable[str],
    readers: Mapping[str, Reader],
    *,
    of: str,
    shown: Callable[[str], str] = str,
) -> dict[str, Any]:
    """The values of the options in `texts`; one without a reader stays text. `of` says whose options: "a local model";
    `shown` makes of an unknown option what may be printed.

    Raises UsageError for an option that is none of `names` and for a value that can't be meant.
    """
    known = list(names)
    values: dict[str, Any] = {}
    for key, text in texts.items():
        if key not in known:
            error = unknown(f"option of {of}", key, known)
            raise UsageError(
                error.wrong, found=shown(f"{key}={text}"), fix=f"{error.fix}; there are {', '.join(known)}"
            )
        values[key] = readers[key](key, text) if key in readers else text
    return values


def _count(text: str, least: int) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and int(text) >= least else None


def tokens(example: int) -> Reader:
    """A number of tokens, 1 or more."""

    def read(key: str, text: str) -> int:
        value = _count(text, 1)
        if value is None:
            raise UsageError(f"{key} is a number of tokens, 1 or more", found=f"{key}={text}", fix=f"{key}={example}")
        return value

    return read


def whole(example: int, *, least: int = 1) -> Reader:
    """A whole number, `least` or more."""

    def read(key: str, text: str) -> int:
        value = _count(text, least)
        if value is None:
            raise UsageError(f"{key} is a whole number, {least} or more", found=f"{key}={text}", fix=f"{key}={example}")
        return value

    return read


def seconds(example: int) -> Reader:
    """A finite number of seconds above 0."""

    def read(key: str, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0.0 < value < math.inf:
            raise UsageError(f"{key} is a number of seconds above 0", found=f"{key}={text}", fix=f"{key}={example}")
        return value

    return read


def yes_no(key: str, text: str) -> bool:
    """true or false, in the words that people type."""
    if text.lower() not in _YES:
        raise UsageError(f"{key} is true or false", found=f"{key}={text}", fix=f"{key}=true")
    return _YES[text.lower()]


def one_of(*choices: str) -> Reader:
    """One of a few words; the first is proposed where none is close."""

    def read(key: str, text: str) -> str:
        if text not in choices:
            close = nearest(text, choices) or choices[0]
            raise UsageError(f"{key} is one of {', '.join(choices)}", found=f"{key}={text}", fix=f"{key}={close}")
        return text

    return read


def matching(pattern: str, shown: str, *examples: str) -> Reader:
    """A text that is `pattern` from end to end; `shown` says it in words, `examples` are proposed."""
    form = re.compile(pattern)

    def read(key: str, text: str) -> str:
        if not form.fullmatch(text):
            close = nearest(text, examples) or examples[0]
            raise UsageError(f"{key} is one of {shown}", found=f"{key}={text}", fix=f"{key}={close}")
        return text

    return read
