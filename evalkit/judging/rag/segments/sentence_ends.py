"""Where the sentences of a line end, in the scripts that mark it: rules, no model.

Western marks end a sentence before white space that no small letter follows, and not behind an abbreviation, an
initial or a German ordinal. The marks of Chinese, Japanese, Hindi and other scripts need no space behind them. Thai
has no mark: a space ends a sentence where much is written on both sides of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]


def word_list(text: str) -> list[str]:
    """The words of a text that lists them."""
    return text.split()


_WIDE = "。！？｡।॥።။៕"
"""Marks that end a sentence whether or not white space follows."""
_MARKS = re.compile(rf"[.!?…؟۔։᙮]+|[{_WIDE}][.!?…{_WIDE}]*|(?<=[\u0900-\u097f])\|(?=\s|$)")
_CLOSING = re.compile(
    r"(?:[ \u00a0\u202f]»)?[\"'”’»)\]}）」』】》*_]*(?:\s*(?:\[[^\[\]\n]{1,40}\]|【[^【】\n]{1,40}】))*[*_]*"
)
"""What closes behind a mark, and the citations of the sentence that the mark ends."""
_OPENING = "\"'“‘«([{（「『【《¿¡*_„‚"

_TITLES = frozenset(
    word_list(
        "mr mrs ms dr prof rev hon gen col lt capt sgt gov sen rep pres st mt ft vs fig figs eq sec ch vol pp approx "
        "ca hr cf e.g i.e viz z.b bzw str abs d.h u.a usw vgl nr mme mlle p.ex sra dra sig ing г ул"
    )
)
"""Abbreviations that something always follows."""
_NUMBERED = frozenset(word_list("no nos nr art p §"))
"""Abbreviations in front of a number; words elsewhere ("No. It was not.")."""
_MAYBE_LAST = frozenset(
    word_list("inc ltd co corp bros jr sr etc al a.m p.m u.s u.k u.n e.u d.c b.c a.d ph.d m.d est dept")
)
"""Abbreviations that may end a sentence as well: they do where a common first word follows."""
_FIRST_WORDS = frozenset(
    word_list(
        "the a an this that these those it its he she they we i you his her their our there here in on at for by as if "
        "when while after before since although however but and or so then also both all some many most no each "
        "another according"
    )
)
_ORDINAL = re.compile(
    r"\s+(?:Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|Jahrhunderts?|"
    r"Jh|Klasse|Platz|Stock|Weltkriegs?|Mal|Auflage|Kapitel|Etage|Rang)\b"
)
_LAST_WORD = re.compile(r"[^\s\"'“‘«(\[{*_]*$")

_THAI = re.compile(r"[\u0e00-\u0e7f]")
_THAI_GAP = re.compile(r"(?<=[\u0e00-\u0e7f]) +(?=[\u0e00-\u0e7f])|(?<=ปี \d{4}) +(?=[\u0e00-\u0e7f])")
THAI_LETTERS = 12
"""As many Thai letters are on either side of a space that ends a sentence."""


def sentence_spans(line: str) -> Iterator[Span]:
    """Where the sentences of a line begin and end, white space around them left out."""
    begin = 0
    for end in _ends(line):
        yield from _trimmed(line, begin, end)
        begin = end
    yield from _trimmed(line, begin, len(line))


def sentences_of(line: str) -> list[str]:
    """The sentences of a line, trimmed."""
    return [line[begin:end] for begin, end in sentence_spans(line)]


def _trimmed(line: str, begin: int, end: int) -> Iterator[Span]:
    piece = line[begin:end]
    begin += len(piece) - len(piece.lstrip())
    end = begin + len(piece.strip())
    if end > begin:
        yield begin, end


def _ends(line: str) -> list[int]:
    found = []
    for mark in _MARKS.finditer(line):
        closing = _CLOSING.match(line, mark.end())
        after = closing.end() if closing else mark.end()
        if mark.group()[0] in _WIDE:
            ends = not (after > mark.end() and line[after : after + 1] in ("と", "っ", "、", "，", "的", "。"))
        else:
            ends = _ends_here(line, mark, after)
        if ends:
            found.append(after)
    return sorted({*found, *_thai_ends(line, found)}) if _THAI.search(line) else found


def _ends_here(line: str, mark: re.Match[str], after: int) -> bool:
    """Whether a Western mark ends a sentence: white space follows (or nothing), and what comes then may begin one."""
    rest = line[after:]
    if not rest.strip():
        return True
    if not rest[0].isspace():
        return False
    following = rest.lstrip().lstrip(_OPENING)
    if following[:1].islower():
        return False
    return mark.group() != "." or not _abbreviates(line[: mark.start()], following, rest)


def _abbreviates(before: str, following: str, rest: str) -> bool:
    """Whether the full stop behind `before` belongs to its last word."""
    found = _LAST_WORD.search(before)
    word = found.group() if found else ""
    low = word.casefold()
    if low in _TITLES or (low in _NUMBERED and following[:1].isdigit()):
        return True
    if re.fullmatch(r"\d{1,2}", word):
        return _ORDINAL.match(rest) is not None
    initial = len(word) == 1 and word.isupper() and word.isascii()
    if initial or low in _MAYBE_LAST or re.fullmatch(r"(?:[^\W\d_]\.)+[^\W\d_]", word):
        first = re.match(r"[^\W\d_]+", following)
        return first is None or first.group().casefold() not in _FIRST_WORDS
    # "z. B." in two parts.
    return len(word) == 1 and word.islower() and re.match(r"[A-Z]\.", following) is not None


def _thai_ends(line: str, others: list[int]) -> Iterator[int]:
    gaps = [gap.end() for gap in _THAI_GAP.finditer(line)]
    begin = 0
    for place, gap in enumerate(gaps):
        begin = max([begin, *(end for end in others if end <= gap)])
        until = gaps[place + 1] if place + 1 < len(gaps) else len(line)
        if min(len(_THAI.findall(line[begin:gap])), len(_THAI.findall(line[gap:until]))) >= THAI_LETTERS:
            yield gap
            begin = gap
