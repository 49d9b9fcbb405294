"""Numbers in a reply: the last one that stands in it, and a written number as a value."""

from __future__ import annotations

import re

from evalkit.scoring.extraction.patterns import matched

# lm-evaluation-harness' "flexible-extract"; of one digit or more, with a dollar sign and thousands separators.
FLEXIBLE_NUMBER = r"(-?[$0-9.,]{2,})|(-?[0-9]+)"
# What its math word problems delete on both sides before they compare: separators, dollar signs, whatever stands
# before "#### ", and a full stop at the end.
IGNORED_IN_NUMBERS = (",", r"\$", "(?s).*#### ", r"\.$")

_FLEXIBLE = re.compile(FLEXIBLE_NUMBER)
_WRITTEN = re.compile(r"[-+−]?(?:\d+(?:[,\u202f\u00a0_']\d{3})*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?%?")


def last_number(text: str) -> str | None:
    """The last thing that looks like a number, as it is written ("$1,080."), or None."""
    return matched(_FLEXIBLE, text, "last")


def as_number(text: str) -> float | None:
    """The value of a text that is a number and nothing else, or None.

    A currency sign before and a full stop after it are allowed, so are thousands separators; "50%" is 0.5.
    """
    text = text.strip().removesuffix(".").strip()
    sign = ""
    if text[:1] in ("-", "−", "+"):
        sign, text = text[0], text[1:].lstrip()
    text = sign + text.lstrip("$€£¥").strip()
    if not _WRITTEN.fullmatch(text):
        return None
    plain = re.sub(r"[,\u202f\u00a0_'%]", "", text).replace("−", "-")
    return float(plain) / 100 if text.endswith("%") else float(plain)


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
