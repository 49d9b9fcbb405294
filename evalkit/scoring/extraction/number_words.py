"""Numbers that are written in English words."""

from __future__ import annotations

import re

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_VALUES = {
    **{word: value for value, word in enumerate(_UNITS.split())},
    **{word: 10 * value for value, word in enumerate(_TENS.split(), start=2)},
}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_WORD = "|".join((*_VALUES, *_SCALES))
_IN_WORDS = re.compile(rf"\b(?:{_WORD})(?:(?:[\s,-]+|[\s,-]+and\s+)(?:{_WORD}))*\b", re.IGNORECASE)


def last_word_number(text: str) -> str | None:
    """The last number that is written in English words ("twenty-one"), in digits, or None."""
    found = _IN_WORDS.findall(text)
    if not found:
        return None
    total = current = 0
    for word in re.findall(r"[a-z]+", found[-1].lower()):
        if word in _VALUES:
            current += _VALUES[word]
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in _SCALES:
            total, current = total + max(current, 1) * _SCALES[word], 0
    return str(total + current)
