"""Words that multiply the figure before them: 3 million, 2 dozen, 5万."""

from __future__ import annotations

import re

_FACTORS = (
    (r"hundred|hundert", 1e2),
    (r"thousand|tausend|mille|тысяч\w*|тыс\.?", 1e3),
    (r"million(?:s|en)?|mio\.?|millón|millones|milh(?:ão|ões)|milion[ie]|миллион\w*|млн\.?", 1e6),
    (r"billions?|milliards?|milliarden?|mrd\.?|миллиард\w*|млрд\.?", 1e9),
    (r"trillions?", 1e12),
    (r"dozens?|dutzend", 12.0),
    (r"lakhs?|lacs?", 1e5),
    (r"crores?", 1e7),
)
_CHARACTERS = (("百万|백만", 1e6), ("千", 1e3), ("万|萬|만", 1e4), ("億|亿|억", 1e8))
_ALL = tuple((re.compile(pattern, re.IGNORECASE), value) for pattern, value in (*_FACTORS, *_CHARACTERS))
SCALE = (
    rf"[ \u202f-]?(?:{'|'.join(pattern for pattern, _ in _FACTORS)})(?!\w)|"
    rf"\s?(?:{'|'.join(pattern for pattern, _ in _CHARACTERS)})(?!\s?[\d千万萬億亿만억])"
)
"""The inside of a regular expression, which ignores case: a blank at most, and a word of scale."""


def factor(word: str | None) -> float:
    """What a word of scale stands for; 1 for None."""
    said = (word or "").strip(" \u202f-")
    return next((value for pattern, value in _ALL if pattern.fullmatch(said)), 1.0)
