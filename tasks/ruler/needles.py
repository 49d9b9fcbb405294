"""Needles in a haystack: special magic numbers and the like, one or several, in noise, essays or other needles."""

from __future__ import annotations

import re
import uuid
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from random import Random
from typing import overload

from evalkit.scoring.scorers.instructions.sentences import Splitter

NOISE = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again."
SEED = 42
TEMPLATE = (
    "Some special magic {kind} are hidden within the following text. Make sure to memorize it. I will quiz you about "
    "the {kind} afterwards.\n{context}\nWhat are all the special magic {kind} for {query} mentioned in the provided "
    "text?"
)
PREFIX = " The special magic {kind} for {query} mentioned in the provided text are"
_NEEDLE = "One of the special magic {kind} for {key} is: {value}."
# The same as round(linspace(0, 100, 40)).
DEPTHS = [round(place * 100 / 39) for place in range(40)]


@dataclass(frozen=True, slots=True)
class Needles:
    """One task: what hides the needles, what keys and values are, and how many there are."""

    haystack: str
    keys: str = "words"
    values: str = "numbers"
    key_count: int = 1
    value_count: int = 1
    query_count: int = 1

    @property
    def is_single(self) -> bool:
        return self.query_count * self.value_count == 1


def niah(
    of: Needles, words: Sequence[str], essay: Sequence[str], split: Splitter
) -> Callable[[Random, int], tuple[str, str, list[str]]]:
    """A function from a stream and a number of parts to (question, beginning of the answer, answers), which draws as
    RULER's niah.py does. Raises ValueError where there are more needles than places."""

    def drawn(rng: Random, kind: str) -> str:
        if kind == "numbers":
            return str(rng.randint(10**6, 10**7 - 1))
        if kind == "words":
            return rng.choice(words)
        return str(uuid.UUID(int=rng.getrandbits(128), version=4))

    def make(rng: Random, parts: int) -> tuple[str, str, list[str]]:
        keys, values, needles = [], [], []
        for _ in range(max(of.key_count, of.query_count)):
            keys.append(drawn(rng, of.keys))
            values.append([drawn(rng, of.values) for _ in range(of.value_count)])
            needles += [_NEEDLE.format(kind=of.values, key=keys[-1], value=value) for value in values[-1]]
        Random(SEED).shuffle(needles)
        if of.haystack == "essay":
            context = _in_essay(rng, needles, essay, parts, split)
        else:
            lines = [NOISE] * parts
            if of.haystack == "needle":
                lines = [
                    _NEEDLE.format(kind=of.values, key=drawn(rng, of.keys), value=drawn(rng, of.values))
                    for _ in range(parts)
                ]
            places = sorted(rng.sample(range(parts), len(needles)), reverse=True)
            for place, needle in zip(places, needles, strict=True):
                lines.insert(place, needle)
            context = "\n".join(lines)
        asked = rng.sample(range(len(keys)), of.query_count)
        named = [keys[place] for place in asked]
        query = ", ".join(named[:-1]) + ", and " + named[-1] if len(named) > 1 else named[0]
        question, prefix, kind = TEMPLATE, PREFIX, of.values
        if of.is_single:
            question, prefix, kind = _singular(question), _singular(prefix), kind[:-1]
        filled = {"kind": kind, "context": context, "query": query}
        return question.format(**filled), prefix.format(**filled), [one for place in asked for one in values[place]]

    return make


def _singular(text: str) -> str:
    return text.replace("Some", "A").replace("are all", "is").replace("are", "is").replace("answers", "answer")


def _in_essay(rng: Random, needles: list[str], essay: Sequence[str], parts: int, split: Splitter) -> str:
    repeated = list(essay) * (-(-parts // len(essay)))
    sentences = split(" ".join(repeated[:parts]).strip())
    depths = rng.sample(DEPTHS, len(needles))
    ends = [0, *sorted(int(len(sentences) * (depth / 100)) for depth in depths), len(sentences)]
    pieces: list[str] = []
    for number, (begin, end) in enumerate(pairwise(ends)):
        pieces.append(" ".join(sentences[begin:end]))
        if number < len(needles):
            pieces.append(needles[number])
    return " ".join(pieces)


def essay_words(text: str) -> list[str]:
    return re.sub(r"\s+", " ", text).split(" ")


class Pairs(Sequence[str]):
    """Every "adjective-noun", sorted and each once, without the nine million of them in memory."""

    def __init__(self, adjectives: Sequence[str], nouns: Sequence[str]) -> None:
        self._nouns = sorted(set(nouns))
        heads = sorted({f"{adjective}-" for adjective in adjectives})
        self._blocks: list[tuple[str, list[str] | None]] = []
        place = 0
        while place < len(heads):
            # Heads that begin with this one mix with it in the order.
            end = place + 1
            while end < len(heads) and heads[end].startswith(heads[place]):
                end += 1
            mixed = (
                sorted({head + noun for head in heads[place:end] for noun in self._nouns}) if end > place + 1 else None
            )
            self._blocks.append((heads[place], mixed))
            place = end
        sizes = (len(self._nouns) if mixed is None else len(mixed) for _, mixed in self._blocks)
        self._ends = list(accumulate(sizes))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        if not 0 <= place < len(self):
            raise IndexError(place)
        block = bisect_right(self._ends, place)
        head, mixed = self._blocks[block]
        inside = place - (self._ends[block - 1] if block else 0)
        return mixed[inside] if mixed is not None else head + self._nouns[inside]
