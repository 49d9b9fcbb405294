"""Markdown for generated pages: tables, and text of docstrings as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["code", "prose", "sentence", "table"]

_CODE = re.compile(r"(`[^`]*`)")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; its cells are Markdown, in one line each."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(' '.join(cell.split()) for cell in line)} |\n" for line in lines)


def code(text: object) -> str:
    """Inline code that may be in a cell: mkdocs splits no cell within code."""
    return f"`{text}`".replace("\n", " ") if str(text) else ""


def prose(text: str) -> str:
    """The words of a docstring for a cell: what HTML or a table would take for its own is escaped."""
    parts = _CODE.split(text)
    escaped = (part if part.startswith("`") else part.replace("<", "&lt;").replace("*", "\\*") for part in parts)
    return "".join(escaped).replace("|", "\\|")


def sentence(text: str) -> str:
    """The same with a full stop, and with a capital where it begins with a plain word."""
    told = prose(text).strip()
    if not told:
        return ""
    plain = re.match(r"[a-z]+(?:-[a-z]+)*(?= [a-z(])", told)
    return (told[0].upper() if plain else told[0]) + told[1:] + ("" if told[-1] in ".!?:…" else ".")
