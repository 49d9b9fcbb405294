"""One field of the JSON that a reply holds, also where the JSON is broken off, wrapped or not quite JSON."""

from __future__ import annotations

import json
import re
from typing import Any

from evalkit.scoring.extraction.json import ABSENT
from evalkit.scoring.extraction.reading import Reading, unreadable

_LONGEST = 200_000
_MOST_BRACKETS = 100
_SCALAR = (
    r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|"
    r"-?\d[\d_]*(?:\.\d+)?(?:[eE][-+]?\d+)?(?=\s*[,}\]\s])|true\b|false\b|null\b"
)
# Commands of LaTeX that begin as JSON's \n, \r and \t do, and whose rest is not a word that follows such a blank.
_COMMANDS = r"n(?:eq|abla|eg|exists|otin)|r(?:ight|ho|angle|ightarrow)|t(?:imes|ext\w{0,2}|heta|frac|riangle|ilde)"
_ESCAPE = re.compile(rf"\\(?P<valid>[\\\"/']|u[0-9a-fA-F]{{4}}|(?!(?:{_COMMANDS})(?![a-zA-Z])|tan[({{\\^])[nrt])|\\")


def json_field(text: str, field: str) -> Reading[Any]:
    """The value of the last `field` at the top of an object in a reply.

    Objects may be in a fence or amid prose, hold line breaks in their texts, and be broken off after the field. A
    field whose value is broken off itself, or is null, is UNREADABLE or no answer: never a part of it. Backslashes of
    LaTeX that JSON would have doubled ("\\frac", "\\sqrt", "\\times") are LaTeX's.
    """
    written = text[-_LONGEST:]
    text = _with_latex(written, quote="'")
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
        return _broken_off(_with_latex(written, quote="\\'"), field)
    return Reading(problem=f"the field {field!r} is null") if found is None else Reading(found)


def _broken_off(text: str, field: str) -> Reading[Any]:
    """The same of text that is not JSON as a whole: the last `"field": value` with its whole value."""
    name = rf"[\"']{re.escape(field)}[\"']\s*:\s*"
    named = list(re.finditer(name, text))
    if not named:
        return Reading(problem=f"no field {field!r} in the reply")
    value = re.compile(_SCALAR).match(text, named[-1].end())
    if value is None:
        return unreadable(f"the value of {field!r} is broken off or no text, number or truth value")
    if value.group()[0] == "'":
        return Reading(value.group()[1:-1].replace("\\'", "'"))
    try:
        said = json.loads(
            value.group().replace("_", "") if value.group()[0] in "-0123456789" else value.group(), strict=False
        )
    except ValueError:
        return unreadable(f"the value of {field!r} cannot be read")
    return Reading(problem=f"the field {field!r} is null") if said is None else Reading(said)


def _with_latex(text: str, quote: str) -> str:
    r"""The text with a second backslash where the only one is not an escape of JSON's, or begins a command of LaTeX.

    "\f" and "\b" are form feed and backspace to JSON, and are never meant. `quote` is put for \', which JSON does not
    have either.
    """

    def mended(escape: re.Match[str]) -> str:
        if escape["valid"] == "'":
            return quote
        return escape.group() if escape["valid"] else r"\\"

    return _ESCAPE.sub(mended, text)
