"""An answer or passage as lines with a kind: prose, items, headings, rows of tables, code. Markdown, some HTML, plain.

Lines that were wrapped are put together; list marks, emphasis, rules and the frame of tables are taken off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from evalkit.judging.rag.segments.list_marks import Mark, bullet_end, counted_marks, counting
from evalkit.judging.rag.segments.phrases import is_one

LineKind = Literal["prose", "item", "heading", "row", "code", "citation"]

_FENCE = re.compile(r"\s*(```|~~~)")
_RULE = re.compile(r"\s*(?:[-*_=—–─━~+]\s*){3,}$")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s+(.*?)\s*#*\s*$")
_SETEXT = re.compile(r"\s{0,3}(?:={3,}|-{3,})\s*$")
_BOLD_LINE = re.compile(r"\s*(?:\*\*|__)([^*_\n]{1,100}?)(?:\*\*|__)\s*[:：]?\s*$")
_TABLE_RULE = re.compile(r"\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")
_FOOTNOTE = re.compile(r"\s*\[\^[^\]]{1,20}\]:|\s*\[\d{1,3}\]:?\s+.*(?:https?://|www\.)|\s*<?https?://\S+>?\s*$")
_ONLY_CITED = re.compile(r"\s*(?:\[[^\[\]\n]{1,60}\]|【[^【】\n]{1,60}】|[\s,;])+[.。]?\s*$")
_SOURCE_LINE = re.compile(r"\s*\(?([^\W\d_]{2,12}(?: ?[^\W\d_]{2,12})?)\s*[:：]\s*\S.{0,200}$")
_LABELLED = re.compile(r"\s*(?:\*\*|__)([^*_\n]{1,48}?)(?:[:：]\s*(?:\*\*|__)|(?:\*\*|__)\s*[:：])\s*(?=\S)")
_QUOTE = re.compile(r"\s{0,3}(?:>\s?)+")
_SIGNS = re.compile(r"\s*[\u2600-\u26ff\u2700-\u27bf\U0001f300-\U0001faff\ufe0f\u200d]+\s*(?=\S)")
_TAGS = (
    (re.compile(r"<br\s*/?>|</(?:p|li|div|tr|h[1-6]|ul|ol)\s*>", re.IGNORECASE), "\n"),
    (re.compile(r"<li\b[^>]*>", re.IGNORECASE), "\n- "),
    (re.compile(r"<h[1-6]\b[^>]*>", re.IGNORECASE), "\n# "),
    (re.compile(r"</?(?:p|div|ul|ol|b|i|em|strong|u|s|span|sup|sub|small|mark|body|html)\b[^>]*>", re.IGNORECASE), ""),
)
_IMAGE = re.compile(r"!\[[^\]\n]*\]\([^()\n]*\)")
_LINK = re.compile(r"\[([^\[\]\n]+)\]\((?:[^()\n]|\([^()\n]*\))*\)")
_EMPHASIS = re.compile(r"(\*\*\*|\*\*|__|~~|`)(?=\S)(.+?)(?<=\S)\1|(?<![\w*])(\*|_)(?=\S)([^*_\n]+?)(?<=\S)\3(?![\w*])")
_TERMINAL = re.compile(r"[.!?…؟۔。！？।॥|:：;][\"'”’»)\]}）」』*_\s]*(?:\[[^\[\]\n]{1,40}\]\s*)*$")
_WRAPPED = 60
"""A line of so many characters without a mark at its end goes on in the next."""
FEW_WORDS = 12


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its marks. `heads` are a row's column heads; `counted` is what the mark in front of it counted."""

    text: str
    kind: LineKind
    heads: tuple[str, ...] = ()
    counted: tuple[Mark, ...] = ()


def lines_of(text: str) -> list[Line]:
    """The lines of a text that hold letters or numbers, in order."""
    for tag, instead in _TAGS:
        text = tag.sub(instead, text)
    raw = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    marks = counting([counted_marks(_unquoted(line)) for line in raw])
    found = list(_read(raw, marks))
    return [line for line in _sourced(found) if any(c.isalnum() for c in line.text)]


def plain(text: str) -> str:
    """A text without Markdown's emphasis, links and images."""
    text = _LINK.sub(lambda link: f"[{link[1]}]" if link[1].isdecimal() else link[1], _IMAGE.sub("", text))
    for _ in range(3):
        text, changed = _EMPHASIS.subn(lambda mark: mark[2] or mark[4], text)
        if not changed:
            break
    return text.strip()


def is_closed(text: str) -> bool:
    """Whether a text ends with a mark that ends a sentence or leads on."""
    return _TERMINAL.search(text) is not None


def _unquoted(line: str) -> str:
    return _QUOTE.sub("", line, count=1) if _QUOTE.match(line) else line


def _read(raw: Sequence[str], marks: Sequence[int]) -> Iterator[Line]:
    place = 0
    held: Line | None = None
    while place < len(raw):
        line = _unquoted(raw[place])
        if fence := _FENCE.match(line):
            yield from _flushed(held)
            held = None
            end = next((n for n in range(place + 1, len(raw)) if raw[n].strip().startswith(fence[1])), len(raw))
            yield from (Line(code.strip(), "code") for code in raw[place + 1 : end])
            place = end + 1
            continue
        if table := _table(raw, place):
            yield from _flushed(held)
            held = None
            rows, place = table
            yield from rows
            continue
        made, setext = _line(line, marks[place], raw[place + 1] if place + 1 < len(raw) else "")
        place += 1 + setext
        if made is not None and held is not None and _goes_on(held, made, raw[place - 1]):
            held = replace(held, text=f"{held.text} {made.text}")
            continue
        yield from _flushed(held)
        held = made
    yield from _flushed(held)


def _flushed(held: Line | None) -> Iterator[Line]:
    if held is not None:
        yield held


def _line(line: str, mark: int, following: str) -> tuple[Line | None, int]:
    """(the line, None where it holds nothing; 1 where the next line only underlines it, else 0)."""
    if not line.strip() or _RULE.match(line):
        return None, 0
    if heading := _HEADING.match(line):
        return Line(plain(heading[1]), "heading"), 0
    if _FOOTNOTE.match(line) or _ONLY_CITED.match(line):
        return Line(line.strip(), "citation"), 0
    end = bullet_end(line) or mark
    kind: LineKind = "item" if end else "prose"
    rest = line[end:]
    if end and line[:end].count("**") % 2:
        # "**1. Builder:** …": the mark was inside of the bold passage.
        rest = "**" + rest.lstrip()
    rest = _SIGNS.sub("", rest, count=1) if _SIGNS.match(rest) else rest
    if _SETEXT.match(following) and _is_short(rest):
        return Line(plain(rest), "heading"), 1
    if (bold := _BOLD_LINE.match(rest)) and _is_short(bold[1]):
        return Line(plain(rest), "heading"), 0
    if kind == "prose" and _names_a_source(rest):
        return Line(plain(rest), "citation"), 0
    label = _LABELLED.match(rest)
    said = rest[label.end() :] if label else rest
    if label and _is_sentence(plain(said)):
        rest = said
    return Line(plain(rest), kind, counted=counted_marks(line) if mark else ()), 0


def _is_short(text: str) -> bool:
    return not re.search(r"[.!?。！？।؟]\s*$", text) and len(text.split()) <= FEW_WORDS and len(text) <= 100


def _is_sentence(text: str) -> bool:
    """Whether a text is long enough to claim something by itself."""
    return len(text.split()) >= 4 or len(re.findall(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]", text)) >= 6


def _names_a_source(line: str) -> bool:
    found = _SOURCE_LINE.match(line)
    return found is not None and is_one("sources", found[1])


def _goes_on(held: Line, line: Line, raw: str) -> bool:
    """Whether a line is the rest of the one before, which was wrapped."""
    if line.kind != "prose" or held.kind not in ("prose", "item") or is_closed(held.text) or not line.text:
        return False
    begins_small = line.text[0].islower() or held.text.endswith((",", "،", "，", "、"))
    return begins_small or (len(held.text) >= _WRAPPED and not raw.startswith(("|", "\t|")))


def _sourced(found: Sequence[Line]) -> Iterator[Line]:
    """Lines under a heading such as "Sources" are citations, up to the next heading."""
    inside = False
    for line in found:
        if line.kind in ("heading", "prose") and is_one("sources", line.text):
            inside = True
            yield Line(line.text, "heading")
            continue
        inside = inside and line.kind != "heading"
        yield Line(line.text, "citation") if inside and line.kind in ("prose", "item") else line


# ---------------------------------------------------------------- tables


def _table(raw: Sequence[str], place: int) -> tuple[list[Line], int] | None:
    """(the rows of the table that begins there, the line behind it); None where none does."""
    ruled = place + 1 < len(raw) and "|" in raw[place] and "|" in raw[place + 1] and _TABLE_RULE.match(raw[place + 1])
    framed = re.match(r"\s*\|.*\|\s*$", raw[place]) is not None
    if not ruled and not framed:
        return None
    heads: tuple[str, ...] = ()
    if ruled:
        heads = tuple("" if is_one("empty head", cell) else cell for cell in _cells(raw[place]))
        place += 2
    rows: list[Line] = []
    while place < len(raw) and "|" in raw[place]:
        if not _TABLE_RULE.match(raw[place]):
            rows.append(_row(_cells(raw[place]), heads))
        place += 1
    return rows, place


def _cells(line: str) -> list[str]:
    inner = re.sub(r"^\s*\||\|\s*$", "", line)
    return [plain(cell.replace("\\|", "|")) for cell in re.split(r"(?<!\\)\|", inner)]


def _row(cells: Sequence[str], heads: Sequence[str]) -> Line:
    padded = [*heads, *[""] * len(cells)]
    pairs = [(head, cell) for head, cell in zip(padded, cells, strict=False) if cell]
    named = not any(heads) and len(pairs) == 2 and bool(heads)
    if named:
        # "Attribute | Value": the first column says what the second is about.
        pairs = [(pairs[0][1], pairs[1][1])]
    text = "; ".join(f"{head}: {cell}" if head else cell for head, cell in pairs)
    return Line(text, "row", tuple(head for head, _ in pairs if head))
