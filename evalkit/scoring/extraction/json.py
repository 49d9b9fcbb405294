"""Finding the JSON value that a reply holds."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from evalkit.scoring.extraction.reading import Reading, unreadable

ABSENT = object()
"""What `find_json` gives for a text without JSON: null is a value."""
_FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*?)```", re.DOTALL | re.IGNORECASE)
_MOST_BRACKETS = 100
_BEGUN = re.compile(r"\A\s*[{\[]|```json|[{\[]\s*(?:[\"'{\[]|\w+\s*:)", re.IGNORECASE)


def find_json(text: str) -> Any:
    """The JSON value in a reply: all of it, the last ``` fence's, or the first object or list; ABSENT without one.

    NaN and Infinity are no JSON, though Python reads them.
    """
    for candidate in (text, *reversed(_FENCE.findall(text))):
        try:
            return json.loads(candidate, parse_constant=_refuse)
        except (ValueError, RecursionError):
            continue
    decoder = json.JSONDecoder(parse_constant=_refuse)
    # Each bracket may begin a value; the bound keeps a reply of brackets alone from taking quadratic time.
    for match in list(re.finditer(r"[{\[]", text))[:_MOST_BRACKETS]:
        try:
            return decoder.raw_decode(text, match.start())[0]
        except (ValueError, RecursionError):
            continue
    return ABSENT


def without_json(text: str) -> Reading[Any]:
    """Why `find_json` found nothing: no JSON in the reply, or UNREADABLE where something begins as JSON does."""
    if _BEGUN.search(text):
        return unreadable("what begins as JSON is none")
    return Reading(problem="no JSON in the reply")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
