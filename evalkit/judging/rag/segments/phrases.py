"""The words around an answer (`phrases.txt`): greetings, lead-ins, closing offers, labels, headings."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Literal

Kind = Literal["greeting", "lead-in", "offer", "label", "opener", "heading", "sources", "empty head"]

_BEGINNINGS = ("label", "opener")
_PARTS = {
    "{end}": "[\\s!.,:;…！。，、：؟،।|~～\\ufe0f\\u2600-\\u27bf\\U0001f300-\\U0001faff]*",
    "{source}": "(?:contexts?|documents?|passages?|sources?|texts?|information|excerpts?|articles?|materials?|"
    "search results)",
}


@cache
def phrases(kind: Kind) -> re.Pattern[str]:
    """A pattern that matches a whole sentence of that kind (of a label or opener: the beginning), in any language."""
    lines = _sections()[kind]
    body = "|".join(f"(?:{line})" for line in lines)
    return re.compile(rf"\s*(?:{body})" if kind in _BEGINNINGS else rf"\s*(?:{body})\s*[:：]?\s*$", re.IGNORECASE)


def is_one(kind: Kind, text: str) -> bool:
    """Whether a text is a phrase of that kind and nothing else."""
    return phrases(kind).match(text) is not None


@cache
def _sections() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (Path(__file__).with_name("phrases.txt")).read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("# "):
            continue
        if head := re.fullmatch(r"\[([\w -]+)\]", line):
            found[head[1]] = []
            continue
        pattern = line.partition(" ")[2]
        for name, part in _PARTS.items():
            pattern = pattern.replace(name, part)
        found[list(found)[-1]].append(pattern)
    return found
