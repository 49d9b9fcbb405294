"""One field of the JSON that a reply holds, also where the JSON is broken off, wrapped or not quite JSON."""

from __future__ import annotations

import json
import re
from typing import Any

from evalkit.scoring.extraction.json import ABSENT
from evalkit.scoring.extraction.reading import Reading, unreadable

_LONGEST = 200_000
_MOST_BRACKETS = 100
_SCALAR = r"\"(?:[^\"\\]|\\.)*\"|-?\d[\d_]*(?:\.\d+)?(?:[eE][-+]?\d+)?(?=\s*[,}\]\s])|true\b|false\b|null\b"


def json_field(text: str, field: str) -> Reading[Any]:
    """The value of the last `field` at the top of an object in a reply.

    Objects may stand in a fence or amid prose, hold line breaks in their texts, and be broken off after the field. A
    field whose value is broken off itself, or is null, is UNREADABLE or no answer: never a part of it.
    """
    text = text[-_LONGEST:]
    decoder = json.JSONDecoder(strict=False)
    found: Any = ABSENT
    position = 0
    for _ in range(_MOST_BRACKETS):
        start = text.find("{", position)
        if start < 0:
            break
        try:
            value, position = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            position = start + 1
            continue
        if isinstance(value, dict) and field in value:
            found = value[field]
    if found is ABSENT:
        return _broken_off(text, field)
    return Reading(problem=f"the field {field!r} is null") if found is None else Reading(found)


def _broken_off(text: str, field: str) -> Reading[Any]:
    """The same of text that is no JSON as a whole: the last `"field": value` with its whole value."""
    name = rf"[\"']{re.escape(field)}[\"']\s*:\s*"
    named = list(re.finditer(name, text))
    if not named:
        return Reading(problem=f"no field {field!r} in the reply")
    value = re.compile(_SCALAR).match(text, named[-1].end())
    if value is None:
        return unreadable(f"the value of {field!r} is broken off or no text, number or truth value")
    try:
        said = json.loads(
            value.group().replace("_", "") if value.group()[0] in "-0123456789" else value.group(), strict=False
        )
    except ValueError:
        return unreadable(f"the value of {field!r} cannot be read")
    return Reading(problem=f"the field {field!r} is null") if said is None else Reading(said)
