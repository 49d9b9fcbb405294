"""What a text says, piece by piece, and which of its pieces claim something: the denominator of every RAG metric."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from evalkit.judging.rag.segments.lines import Line, is_closed, lines_of
from evalkit.judging.rag.segments.list_marks import counted_marks, counting, is_mark
from evalkit.judging.rag.segments.phrases import is_one, phrases
from evalkit.judging.rag.segments.sentence_ends import sentences_of

Kind = Literal["statement", "heading", "lead-in", "greeting", "offer", "question", "citation", "code"]

_ASKS = re.compile(r"[?？؟][\"'”’»)\]}）」』\s]*$")
_LEADS = re.compile(r"[:：]\s*$")
_TELLS = re.compile(
    r"\b(?:is|are|was|were|has|have|had|does|did|do|can|could|will|would|must|may|includes?|contains?|offers?|became|"
    r"gave|made|took|built|said|says|won|lost|\w{3,}ed)\b",
    re.IGNORECASE,
)
"""Words that make an English line with a colon a sentence."""
_FRAGMENT = 4
"""So many words without a mark at their end are no sentence of their own."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence, a row of a table, a heading or a line of code, without its marks.

    `about` are words that the text repeats from elsewhere, because it is not to be understood without them: the heads
    of a table's columns, or the line that leads in a list of names.
    """

    text: str
    kind: Kind
    about: str = ""

    @property
    def claims(self) -> bool:
        """Whether it is a statement, the only kind that can be supported or not."""
        return self.kind == "statement"


@lru_cache(maxsize=4096)
def segments(text: str) -> tuple[Segment, ...]:
    """The segments of a text, in order.

    Not statements: headings, the heads and rules of tables, lines that lead in what follows, questions, code, lists of
    sources; greetings in front of the first statement and offers behind the last. Where nothing else is there, a
    heading or lead-in is the answer and a statement. List marks and emphasis are taken off.
    """
    lines = lines_of(text)
    found = _around(_without_marks(lines, [list(_of(lines, place)) for place in range(len(lines))]))
    if not any(each.claims for each in found):
        found = [replace(each, kind="statement") if each.kind in ("heading", "lead-in") else each for each in found]
    return tuple(found)


def statements(text: str) -> list[str]:
    """The texts of the segments that are statements."""
    return [segment.text for segment in segments(text) if segment.claims]


def passages(text: str) -> list[str]:
    """All that a text says, sentence by sentence: what a statement is looked for in."""
    return [segment.text for segment in segments(text)]


def _of(lines: Sequence[Line], place: int) -> Iterator[Segment]:
    line = lines[place]
    if line.kind in ("heading", "code", "citation"):
        yield Segment(line.text, line.kind)
        return
    if line.kind == "row":
        yield Segment(line.text, "statement", "; ".join(line.heads))
        return
    if line.kind == "prose" and place + 1 < len(lines) and is_one("heading", line.text):
        yield Segment(line.text, "heading")
        return
    said = sentences_of(line.text)
    for number, sentence in enumerate(said):
        last = number == len(said) - 1
        if last and _LEADS.search(sentence) and place + 1 < len(lines):
            yield _leading(sentence, lines[place + 1 :])
        elif kind := _kind(sentence):
            yield Segment(sentence, kind)
        else:
            yield _statement(sentence, line, lines[:place], len(said))


def _leading(sentence: str, following: Sequence[Line]) -> Segment:
    """A sentence with a colon in front of more: it leads in, unless it says something that what follows does not."""
    plain = _without(sentence, "opener")
    if is_one("lead-in", plain) or is_one("heading", plain) or not _is_sentence(plain):
        return Segment(sentence, "lead-in")
    if following[0].kind in ("row", "code") or _is_fragment(following[0]):
        return Segment(sentence, "lead-in")
    return Segment(_LEADS.sub("", sentence).strip() + ".", "statement")


def _kind(sentence: str) -> Kind | None:
    if not any(c.isalnum() for c in re.sub(r"\[[^\[\]\n]{1,40}\]|【[^【】\n]{1,40}】", "", sentence)):
        return "citation"
    return "question" if _ASKS.search(sentence) else None


def _statement(sentence: str, line: Line, before: Sequence[Line], of: int) -> Segment:
    text = _stripped(sentence)
    if of == 1 and _is_fragment(line):
        lead = next((other.text for other in reversed(before) if other.kind != "item"), "")
        lead = sentences_of(lead)[-1] if lead else ""
        if _LEADS.search(lead) and _is_sentence(lead) and not is_one("lead-in", lead):
            return Segment(f"{lead} {text}", "statement", _LEADS.sub("", lead))
    return Segment(text, "statement")


def _stripped(sentence: str) -> str:
    """A sentence without the label or the lead-in in front of it; as it is, where nothing would be left."""
    text = _without(_without(_without(sentence, "opener"), "label"), "opener")
    lead, colon, rest = re.split(r"([:：])", text, maxsplit=1) if re.search("[:：]", text) else (text, "", "")
    if colon and rest.strip() and is_one("lead-in", f"{lead}{colon}"):
        text = rest.strip()
    return text


def _without(text: str, kind: Literal["opener", "label"]) -> str:
    found = phrases(kind).match(text)
    if not found or not any(c.isalnum() for c in text[found.end() :]):
        return text
    rest = text[found.end() :]
    return rest[0].upper() + rest[1:]


def _is_sentence(text: str) -> bool:
    return len(text.split()) >= _FRAGMENT and _TELLS.search(text) is not None


def _is_fragment(line: Line) -> bool:
    return line.kind == "item" and not is_closed(line.text) and len(line.text.split()) <= _FRAGMENT


def _without_marks(lines: Sequence[Line], by_line: Sequence[Sequence[Segment]]) -> list[Segment]:
    """Without the numbers of a list that is written in one line, alone ("1.") or in front of a sentence ("2) …")."""
    found = [each for of in by_line for each in of]
    marks = [
        tuple(replace(mark, end=0) for mark in line.counted)
        if not number and line.counted
        else counted_marks(each.text)
        if each.claims
        else ()
        for line, of in zip(lines, by_line, strict=True)
        for number, each in enumerate(of)
    ]
    kept: list[Segment] = []
    for place, (each, end) in enumerate(zip(found, counting(marks), strict=True)):
        alone = is_mark(each.text)
        if end and not alone:
            kept.append(replace(each, text=each.text[end:].strip()))
        elif not (end and place + 1 < len(found)):
            kept.append(each)
    return kept


def _around(found: Sequence[Segment]) -> list[Segment]:
    """With greetings and lead-ins in front of the first statement, and offers behind the last, marked as such."""
    told = list(found)
    for place, each in enumerate(told):
        if each.kind != "statement":
            continue
        if is_one("greeting", each.text):
            told[place] = replace(each, kind="greeting")
        elif is_one("lead-in", each.text) and place + 1 < len(told):
            told[place] = replace(each, kind="lead-in")
        else:
            break
    for place in range(len(told) - 1, -1, -1):
        each = told[place]
        if each.kind != "statement":
            continue
        if not (is_one("offer", each.text) or (place and is_one("greeting", each.text))):
            break
        told[place] = replace(each, kind="offer")
    return told
