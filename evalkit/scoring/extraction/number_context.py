r"""What stands around a number and makes it a part of something else, which nobody may read as the number itself.

A range in words ("between 5 and 7"), a sum ("5 + 3"), a factor ("2\sqrt{3}", "5!" in a formula), a bound ("x > 5"), one
of several ("5 or 6", "x = 2, y = 3").
"""

from __future__ import annotations

import re

from evalkit.scoring.extraction.plain import BOX_CLOSES

_NEAR = 40
_FIGURE = r"[-+]?[$€£¥]?\d[\d.,]*(?:/\d+)?\s?%?"
_ROOT = r"(?:√|\\sqrt(?:\[\d+\])?)[^\S\n]*[{(]?[^\S\n]*"
_BEFORE = re.compile(
    rf"(?:{_ROOT}"
    # A sum, a difference, a product: an operand and an operator.
    r"|(?:\d%?|\)|π|(?<![A-Za-z'’])[A-Za-z]|\d[a-z])[^\S\n]*[-+*/×·÷][^\S\n]*[$€£¥(]?"
    rf"|\d[^\s\d]{{0,3}}[^\S\n]+(?:to|bis|until|à|до|hasta|até)[^\S\n]+"
    rf"|\b(?:from|von|de|от)\s+{_FIGURE}[^\n\d.]{{0,15}}[^\S\n](?:to|bis|until|à|до|hasta|até)[^\S\n]+"
    rf"|\b(?:between|zwischen|entre|tra|между)\s+{_FIGURE}\D{{0,15}}?\b(?:and|und|et|y|e|и)\s+"
    rf"|\d[^\s\d]{{0,3}}[^\S\n]+(?:or|oder|ou|или)[^\S\n]+(?:[A-Za-z][^\S\n]*=[^\S\n]*)?"
    rf"|(?<![A-Za-z])[A-Za-z][^\S\n]*=[^\S\n]*{_FIGURE}[^\S\n]*(?:[,;]|\band\b)[^\S\n]*[A-Za-z][^\S\n]*=[^\S\n]*"
    r"|[\w)}][^\S\n]*(?:(?<![-=<>])[<>]=?|[≤≥]|\\[lg]eq?(?![A-Za-z]))[^\S\n]*)\Z",
    re.IGNORECASE,
)
_AFTER = re.compile(
    rf"[^\S\n]*(?:π|\\pi(?![A-Za-z])|√|\\sqrt)|[a-z](?=[^\S\n]*[${BOX_CLOSES}])|!(?=[^\S\n]*[${BOX_CLOSES}])",
    re.IGNORECASE,
)
_UNIT = re.compile(rf"[^\S\n]*[mglshVAWKJNC](?=[^\S\n]*[${BOX_CLOSES}])")
_SEVERAL = re.compile(rf"{_FIGURE}(?:\s*(?:[,;]\s|[,;]?\s?\b(?:and|or|und|oder|et|ou)\b|[、，])\s*{_FIGURE})+")


def is_part(text: str, start: int, end: int) -> bool:
    """Whether the number at this place is a part of a range, a formula, a bound or several answers."""
    before = text[max(0, start - _NEAR) : start]
    if _BEFORE.search(before) and not _ends_range(before, text[start:end], text[end : end + 2]):
        return True
    after = text[end : end + _NEAR]
    return _AFTER.match(after) is not None and _UNIT.match(after) is None


def _ends_range(before: str, number: str, after: str) -> bool:
    """Whether it is the end of a range that a hyphen or dash makes, without blanks: "the years 2010-2015".

    That is read as its end, the last number that is written. What falls is a difference ("9-7"), and what goes on is a
    date or a chain.
    """
    begun = re.search(r"(?<![\d.,/:–-])(\d+)[-–]\Z", before)
    return (
        begun is not None
        and number.isdecimal()
        and int(number) > int(begun[1])
        and not re.match(r"[-–+*/=]|\s=", after)
    )


def are_several(text: str) -> bool:
    """Whether a text is two numbers or more and nothing else: "1, 2", "[1; 2; 3]", "5 or 6"."""
    return _SEVERAL.fullmatch(text.strip(" \t\r\n*_`$()[]{}.")) is not None
