"""Tokenising what many texts begin with once.

A tokenizer that first splits a text into words (pre-tokens) treats every word by itself, so a text that begins as
another does has the same tokens up to a word's end before they part, and the rest can be tokenised apart. A text is cut
only at a single space between two visible ASCII characters at which the tokenizer itself has split the other text, and
the first results of every call are compared with those of the whole texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Splicer"]

_NORMALIZERS = frozenset({"NoneType", "NFC", "NFKC", "NFD", "NFKD", "Lowercase"})
"""What changes a text before it is split, and changes ASCII letter by letter."""
_WORTH = 256
"""Characters that two texts must begin with alike to be worth it."""
_MARGIN = 24
"""A cut stays this far before the place where texts part, and as far as the longest special token."""
_REACH = 512
"""How far back a place to cut at is looked for."""
_COMPARED = 4
"""Texts of every call that are also tokenised whole."""


@dataclass(frozen=True, slots=True)
class _Encoded:
    """A text's tokens: ids of its characters before `start`, and the tokenizer's encoding of the rest."""

    before: tuple[int, ...]
    start: int
    encoding: Any

    def up_to(self, text: str, limit: int) -> tuple[int, tuple[int, ...]] | None:
        """A place at most at `limit` where the tokenizer split `text`, and the ids before it."""
        for place in range(limit, max(self.start + 1, limit - _REACH), -1):
            if text[place] != " " or not (_is_plain(text[place - 1]) and _is_plain(text[place + 1])):
                continue
            token = self.encoding.char_to_token(place + 1 - self.start)
            if not token:
                continue
            words = [self.encoding.token_to_word(number) for number in (token - 1, token)]
            ends = self.encoding.token_to_chars(token - 1), self.encoding.token_to_chars(token)
            if None in (*words, *ends) or words[0] == words[1]:
                continue
            if ends[0][1] + self.start == place and ends[1][0] + self.start in (place, place + 1):
                return place, self.before + tuple(self.encoding.ids[:token])
        return None


class Splicer:
    """Tokenises texts that begin alike, where the tokenizer allows it."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._usable = _is_usable(tokenizer)
        longest = max((len(text) for text in getattr(tokenizer, "added_tokens_encoder", {})), default=0)
        self._margin = max(_MARGIN, longest + 1)

    def ids(self, texts: Sequence[str], special: bool, appended: int) -> list[tuple[int, ...]] | None:
        """The ids of distinct texts, or None where they is not available so.

        `special`: with the tokenizer's special tokens, less the `appended` ones behind a text.
        """
        if not self._usable or len(texts) < 2:
            return None
        order = sorted(range(len(texts)), key=texts.__getitem__)
        anchors = self._anchors([texts[number] for number in order])
        if len(anchors) == anchors.count(-1):
            return None
        ordered = self._encode([texts[number] for number in order], anchors, special, appended)
        found: list[tuple[int, ...]] = [()] * len(texts)
        for number, ids in zip(order, ordered, strict=True):
            found[number] = ids
        spliced = [number for number, anchor in zip(order, anchors, strict=True) if anchor >= 0]
        checked = spliced[:: max(1, len(spliced) // _COMPARED)]
        for number, encoding in zip(checked, self._call([texts[number] for number in checked], special), strict=True):
            if found[number] != _own(encoding.ids, special, appended):
                self._usable = False
                return None
        return found

    def _anchors(self, texts: Sequence[str]) -> list[int]:
        """For each of the sorted texts the one before it whose beginning it takes over, -1 for none."""
        anchors: list[int] = []
        # The texts that the present one begins with whole, the longest last.
        open_: list[int] = []
        leader = -1
        for number, text in enumerate(texts):
            while open_ and not text.startswith(texts[open_[-1]]):
                open_.pop()
            anchor = open_[-1] if open_ else leader
            if anchor < 0 or _common(texts[anchor], text) < _WORTH:
                anchor = -1
                leader = number
            anchors.append(anchor)
            open_.append(number)
        return anchors

    def _encode(
        self, texts: Sequence[str], anchors: Sequence[int], special: bool, appended: int
    ) -> list[tuple[int, ...]]:
        """Level by level: texts of their own, those that take over from them, and so on."""
        encoded: dict[int, _Encoded] = {}
        levels: list[list[int]] = []
        depth: list[int] = []
        for number, anchor in enumerate(anchors):
            depth.append(0 if anchor < 0 else depth[anchor] + 1)
            if depth[number] == len(levels):
                levels.append([])
            levels[depth[number]].append(number)
        whole: set[int] = set()
        for level in levels:
            starts: list[tuple[int, int, tuple[int, ...]]] = []
            for number in level:
                anchor, cut = anchors[number], None
                # What an anchor took over itself can only be cut in the text that it took it from.
                while anchor >= 0 and cut is None:
                    limit = _common(texts[anchor], texts[number]) - self._margin
                    cut = encoded[anchor].up_to(texts[anchor], limit)
                    anchor = anchors[anchor]
                if cut is None:
                    whole.add(number)
                starts.append((number, *(cut or (0, ()))))
            for alone in (True, False):
                group = [start for start in starts if (start[0] in whole) is alone]
                tails = self._call([texts[number][place:] for number, place, _ in group], special and alone)
                for (number, place, before), encoding in zip(group, tails, strict=True):
                    encoded[number] = _Encoded(before, place, encoding)
        return [
            _own(encoded[number].encoding.ids, special, appended)
            if number in whole
            else encoded[number].before + tuple(encoded[number].encoding.ids)
            for number in range(len(texts))
        ]

    def _call(self, texts: list[str], special: bool) -> list[Any]:
        if not texts:
            return []
        encodings: list[Any] = self._tokenizer(
            texts, add_special_tokens=special, return_attention_mask=False, verbose=False
        ).encodings
        return encodings


def _own(ids: Sequence[int], special: bool, appended: int) -> tuple[int, ...]:
    return tuple(ids[: len(ids) - appended] if special else ids)


def _is_usable(tokenizer: Any) -> bool:
    """Whether the tokenizer splits texts into words from left to right, each seen by itself."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    splitter = getattr(backend, "pre_tokenizer", None)
    if splitter is None or type(getattr(backend, "normalizer", None)).__name__ not in _NORMALIZERS:
        return False
    try:
        # A pattern that looks behind may split differently where the text before it is missing.
        return b"(?<" not in splitter.__getstate__()
    except (AttributeError, TypeError, RuntimeError):
        return False


def _is_plain(character: str) -> bool:
    return "!" <= character <= "~"


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low if one[low] != other[low] else low + 1
