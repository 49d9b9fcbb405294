r"""A reply's mathematics as math-verify reads it right: signs, mixed numbers, and the box that counts."""

from __future__ import annotations

import re

from evalkit.scoring.extraction.boxed import EMPTY_BOX, last_box

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_SIGNS: dict[int, int | str] = {**_FULL_WIDTH, 0x2212: "-", 0x2010: "-", 0x2011: "-", 0x3000: " ", 0x2044: "/"}
_SPACED_BOX = re.compile(r"\\(boxed|fbox)\s+\{")
_BARE_BOX = re.compile(r"\\(?:boxed|fbox)\s+([^\s{}$\\]+)")
_MIXED = re.compile(r"(?<![\w./^\\])(\d{1,9})[ ~]+(?:\\,\s*)?(\d{1,9})\s?/\s?(\d{1,9})(?![\d/])")
_BOX = re.compile(r"\\(?:boxed|fbox)\{")
_JOINS = re.compile(r"[\s$,;.]*(?:and|or|und|oder|et|ou|y|o|\\text\{\s*(?:and|or)\s*\})?[\s$,;]*")
_LETTERS = re.compile(r"[^\W\d_]")


def math_text(text: str) -> str:
    r"""The text with ASCII signs and digits, `\boxed{` without blanks, mixed numbers as fractions ("2 2/3" is 8/3),
    and of several boxes those that end the reply: the last one, with those before it that "and" or a comma joins to it.
    """
    text = EMPTY_BOX.sub(" ", text.translate(_SIGNS))
    text = _BARE_BOX.sub(r"\\boxed{\1}", _SPACED_BOX.sub(r"\\\1{", text))
    return _MIXED.sub(_as_fraction, _ending_boxes(text))


def _as_fraction(mixed: re.Match[str]) -> str:
    whole, above, below = map(int, mixed.groups())
    return f"{whole * below + above}/{below}" if 0 < above < below else mixed.group()


def _ending_boxes(text: str) -> str:
    starts = [box.start() for box in _BOX.finditer(text)]
    if len(starts) < 2 or last_box(text).value is None:
        return text
    kept = starts[-1]
    for start in reversed(starts[:-1]):
        content = last_box(text[start:kept]).value
        if content is None:
            break
        end = text.index(content, start) + len(content) + 1
        if not _JOINS.fullmatch(text[end:kept]):
            break
        kept = start
    return text[kept:] if kept != starts[0] else text
