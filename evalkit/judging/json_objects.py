"""The JSON object that ends a judge's reply, read as models write it: fenced, with single quotes or trailing commas.

Only an object that ends the reply counts. One in the middle of it may be a quotation of what was judged.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

_FENCED = re.compile(r"```[ \t]*[A-Za-z0-9]*[ \t]*\n?(.*?)\n?```\Z", re.DOTALL)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_MOST_BRACES = 200


class _TwiceError(ValueError):
    """An object that holds a key twice, so that it says two things."""


def ending_object(text: str) -> tuple[Mapping[str, Any] | None, str]:
    """The object at the end of `text` and what comes before it; (None, text) where it does not end in one.

    The object is on a separate line or in a fence, or is all there is. An object with a key that is there
    twice is none.
    """
    stripped = text.strip()
    fenced = _FENCED.search(stripped)
    if fenced is not None and fenced.group(1).strip().startswith("{"):
        return _parsed(fenced.group(1).strip()), stripped[: fenced.start()]
    if not stripped.endswith("}"):
        return None, text
    starts = [match.start() for match in re.finditer(r"(?m)^[ \t]*\{", stripped)][:_MOST_BRACES]
    for start in starts:
        found = _parsed(stripped[start:].strip())
        if found is not None:
            return found, stripped[:start]
    return None, text


def other_objects(text: str) -> bool:
    """Whether a text begins a line with an object: a second answer next to the one that ends the reply."""
    return re.search(r"(?m)^[ \t]*\{\s*[\"'][A-Za-z_]", text) is not None


def _parsed(text: str) -> Mapping[str, Any] | None:
    for form in (text, _TRAILING_COMMA.sub(r"\1", text)):
        try:
            value = json.loads(form, strict=False, parse_constant=_refuse, object_pairs_hook=_once)
        except _TwiceError:
            return None
        except (ValueError, RecursionError):
            continue
        return value if isinstance(value, dict) else None
    return _literal(text)


def _literal(text: str) -> Mapping[str, Any] | None:
    """An object written as Python would: single quotes, None, True."""
    try:
        tree = ast.parse(text, mode="eval").body
        if not isinstance(tree, ast.Dict):
            return None
        value = ast.literal_eval(tree)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
    return value if len(value) == len(tree.keys) and all(isinstance(key, str) for key in value) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _TwiceError
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
