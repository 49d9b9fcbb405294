"""Marks of lists in front of a line or a sentence: bullets, and numbers or letters that count."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_BULLET = re.compile(
    r"\s*(?:(?:[-*+–—]|[•‣⁃◦·∙▪▫●○■□◆◇▶►→➢➤✓✔☑✅☐・※]\ufe0f?)\s+(?:\[[ xX]\]\s+)?|[•‣◦▪●○■◆・]\s*)(?=\S)"
)
_COUNTED = re.compile(
    r"\s*(?P<open>[(（]?)(?P<value>\d{1,3}|[a-zA-Z]|[ivxIVX]{2,5}|[一二三四五六七八九十]{1,3})"
    r"(?P<close>[.)）、．])(?:\s+|(?<=[、．）])\s*|$)"
)
_SIGN = re.compile(r"\s*(?:[①-⑳⓪❶-❿➀-➓]|\d\ufe0f?\u20e3)\s*")
_CHINESE = "一二三四五六七八九十"
_ROMAN = {"i": 1, "v": 5, "x": 10}
_DECORATION = r"(?:\*\*|__)?"


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark that may count: `value` from 1 on, `style` what it looks like, `end` where it ends."""

    value: int
    style: str
    end: int


def bullet_end(line: str) -> int:
    """Where the bullet (or the number in a circle) in front of a line ends; 0 where there is none."""
    found = _BULLET.match(line) or _SIGN.match(line)
    return found.end() if found else 0


def counted_marks(line: str) -> tuple[Mark, ...]:
    """What a number or letter in front of a line may count, "i." both as a letter and as a Roman number."""
    bold = re.match(r"\s*(\*\*|__)(?=[\d(])", line)
    begin = bold.end() if bold else 0
    found = _COUNTED.match(line, begin)
    if found is None:
        return ()
    value, style = found["value"], found["open"] + "{}" + found["close"]
    if value.isdecimal():
        return (Mark(int(value), style.format("1"), found.end()),)
    if value in _CHINESE:
        number = _CHINESE.index(value) + 1 if len(value) == 1 else 0
        return (Mark(number, style.format("一"), found.end()),) if number and found["close"] == "、" else ()
    case = "a" if value.islower() else "A"
    marks = [Mark(ord(value.lower()) - 96, style.format(case), found.end())] if len(value) == 1 else []
    roman = _roman(value.lower())
    return (*marks, *([Mark(roman, style.format("i" + case), found.end())] if roman else ()))


def counting(lines: Sequence[tuple[Mark, ...]]) -> list[int]:
    """For each line where its mark ends, 0 where what looks like one does not count.

    A mark counts that is in brackets or is 1; another one follows its forerunner or is followed by its successor.
    Letters with a full stop always need a neighbour: "A. Rowan" is a name.
    """
    found = [0] * len(lines)
    last: dict[str, int] = {}
    for place, marks in enumerate(lines):
        for mark in marks:
            later = {(other.style, other.value) for following in lines[place + 1 :] for other in following}
            goes_on = last.get(mark.style) in (mark.value - 1, mark.value)
            begins = (mark.style, mark.value + 1) in later
            clear = mark.value <= 1 and "a" not in mark.style.casefold() and "i" not in mark.style.casefold()
            if goes_on or begins or clear or mark.style[0] in "(（":
                found[place] = found[place] or mark.end
                last[mark.style] = mark.value
    return found


def is_mark(text: str) -> bool:
    """Whether a text is nothing but a mark that may count."""
    plain = unicodedata.normalize("NFKC", text).strip()
    return bool(re.fullmatch(rf"{_DECORATION}\(?(?:\d{{1,3}}|[a-zA-Z]|[ivxIVX]{{2,5}})[.)]{_DECORATION}", plain))


def _roman(text: str) -> int:
    if not text or set(text) - set(_ROMAN):
        return 0
    values = [_ROMAN[letter] for letter in text]
    return sum(-one if one < two else one for one, two in zip(values, [*values[1:], 0], strict=True))
