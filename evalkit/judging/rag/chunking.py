"""Documents cut into chunks that know where they are, so that evidence can be traced to its characters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from evalkit.core import UsageError

How = Literal["fixed", "sentence", "recursive"]
Span = tuple[int, int]

VERSION = "1"
"""Grows when the same settings cut differently."""

# A blank line ends a paragraph, however much white space it holds; then lines, sentences, words.
_LEVELS = (r"\n[ \t]*\n\s*", r"\n", r"(?<=[.!?…])[\"'”’)\]]*\s+", r"\s+")
# What ends a sentence: a mark, what closes, white space, and no small letter behind it; or the end of a paragraph.
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s+[^\sa-z])|\n[ \t]*(?=\n)|[。！？]")
_ABBREVIATIONS = frozenset(
    ("dr", "mr", "mrs", "ms", "prof", "st", "vs", "etc", "cf", "al", "fig", "vol", "pp", "approx", "e.g", "i.e", "u.s")
)


@dataclass(frozen=True, slots=True)
class Document:
    """A text with a name: its path below the folder it was read from."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Characters `start` to `end` of a document; its id says so, too."""

    document: str
    start: int
    end: int
    text: str

    @property
    def id(self) -> str:
        return f"{self.document}#{self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class Chunking:
    """How documents are cut; sizes are in characters.

    - fixed: every `size` characters, each chunk beginning `overlap` before the last one's end.
    - sentence: whole sentences up to `size`, of which the last ones (up to `overlap`) are in the next chunk as well;
      a sentence longer than `size` is cut as in "recursive".
    - recursive: paragraphs together up to `size`; one that is longer is cut into lines, a line into sentences, a
      sentence into words, a word anywhere. What stands together on one level overlaps in its last pieces.

    White space at a chunk's ends is left out of it. Raises UsageError for sizes that cannot be.
    """

    how: How = "recursive"
    size: int = 800
    overlap: int = 0

    def __post_init__(self) -> None:
        if self.how not in get_args(How):
            raise UsageError(f"no way of cutting named {self.how!r}", fix=", ".join(get_args(How)))
        if self.size < 1 or not 0 <= self.overlap < self.size:
            raise UsageError(
                "a chunk has at least 1 character, and the overlap is smaller than the chunk",
                found=f"size={self.size}, overlap={self.overlap}",
                fix="size=800,overlap=100",
            )

    @property
    def words(self) -> str:
        """The settings in one line, for digests and facts."""
        return f"{self.how} {self.size}/{self.overlap} v{VERSION}"


def chunks_of(documents: Iterable[Document], chunking: Chunking) -> tuple[Chunk, ...]:
    """The chunks of all documents, in order; a document of white space has none."""
    cut = _CUTS[chunking.how]
    return tuple(
        Chunk(document.name, start, end, document.text[start:end])
        for document in documents
        for start, end in dict.fromkeys(_trimmed(document.text, cut(document.text, chunking)))
    )


def sentences(text: str) -> list[Span]:
    """Where the sentences of a text begin and end, white space around them left out.

    A sentence ends at a full stop, question mark or exclamation mark that white space follows and no small letter,
    and at a blank line; not after the abbreviations and single letters that are common in English.
    """
    return list(_trimmed(text, _sentence_pieces(text, 0, len(text))))


def _sentence_pieces(text: str, start: int, end: int) -> list[Span]:
    """Adjoining spans, each a sentence with the white space before it."""
    ends = []
    for match in _SENTENCE_END.finditer(text, start, end):
        before = text[max(start, match.start() - 12) : match.start()].split()
        word = before[-1].lower().lstrip("(\"'“") if before else ""
        if match.group().startswith(".") and (word in _ABBREVIATIONS or re.fullmatch(r"[a-z]", word)):
            continue
        ends.append(match.end())
    return _adjoining(start, end, ends)


def _adjoining(start: int, end: int, cuts: Iterable[int]) -> list[Span]:
    places = sorted({start, end, *(cut for cut in cuts if start < cut < end)})
    return list(pairwise(places))


def _fixed(text: str, chunking: Chunking) -> list[Span]:
    step, found = chunking.size - chunking.overlap, []
    for start in range(0, len(text), step):
        end = min(start + chunking.size, len(text))
        found.append((start, end))
        if end == len(text):
            break
    return found


def _by_sentences(text: str, chunking: Chunking) -> list[Span]:
    pieces: list[Span] = []
    for start, end in _trimmed(text, _sentence_pieces(text, 0, len(text))):
        short = end - start <= chunking.size
        pieces += [(start, end)] if short else _recursive_part(text, start, end, chunking, 2)
    return _packed(pieces, chunking)


def _recursive(text: str, chunking: Chunking) -> list[Span]:
    return _recursive_part(text, 0, len(text), chunking, 0)


def _recursive_part(text: str, start: int, end: int, chunking: Chunking, level: int) -> list[Span]:
    if end - start <= chunking.size:
        return [(start, end)] if end > start else []
    if level == len(_LEVELS):
        return [(start + a, start + b) for a, b in _fixed(text[start:end], chunking)]
    cuts = [match.end() for match in re.compile(_LEVELS[level]).finditer(text, start, end)]
    together: list[Span] = []
    found: list[Span] = []
    for piece in _trimmed(text, _adjoining(start, end, cuts)):
        if piece[1] - piece[0] <= chunking.size:
            together.append(piece)
            continue
        found += _packed(together, chunking)
        together = []
        found += _recursive_part(text, *piece, chunking, level + 1)
    return found + _packed(together, chunking)


def _packed(pieces: Sequence[Span], chunking: Chunking) -> list[Span]:
    """Adjoining pieces put together up to the size, the last ones up to the overlap taken along into the next."""
    found: list[Span] = []
    first = 0
    for number, (_, end) in enumerate(pieces):
        if number > first and end - pieces[first][0] > chunking.size:
            found.append((pieces[first][0], pieces[number - 1][1]))
            first = number
            while (
                first > 0
                and pieces[number][0] - pieces[first - 1][0] <= chunking.overlap
                and end - pieces[first - 1][0] <= chunking.size
            ):
                first -= 1
    if pieces:
        found.append((pieces[first][0], pieces[-1][1]))
    return found


def _trimmed(text: str, spans: Iterable[Span]) -> Iterable[Span]:
    for start, end in spans:
        piece = text[start:end]
        start += len(piece) - len(piece.lstrip())
        end = start + len(piece.strip())
        if end > start:
            yield start, end


_CUTS: dict[str, Callable[[str, Chunking], list[Span]]] = {
    "fixed": _fixed,
    "sentence": _by_sentences,
    "recursive": _recursive,
}
