"""What the contexts of one record offer a sentence: windows of their text, and where words, names and numbers stand."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from evalkit.judging.rag.records import Context, distinct
from evalkit.judging.rag.segments import passages
from evalkit.judging.rag.support.meaning import MONTHS
from evalkit.judging.rag.support.wording import STOP, Sentence, Token, beginnings, read_sentence

Name = tuple[str, ...]
"""A name as its words in lower case."""

MOST_SENTENCES = 4000
"""Of the contexts of one record, more are not looked at: the score's flag `contexts_cut` says so."""


@dataclass(frozen=True, slots=True)
class Window:
    """One sentence of a context, or two that follow each other."""

    context: str
    text: str
    parts: tuple[Sentence, ...]
    tokens: tuple[Token, ...]
    clauses: tuple[tuple[Token, ...], ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The contexts of a record, read once for all sentences of its answer. `single` are the windows of one sentence;
    `cut` says that the contexts were longer than `MOST_SENTENCES`."""

    windows: tuple[Window, ...]
    single: tuple[Window, ...]
    vocabulary: frozenset[str]
    known_names: frozenset[str]
    weights: dict[str, float]
    contexts: tuple[Context, ...]
    question: tuple[Token, ...]
    names: tuple[tuple[Name, ...], ...] = ()
    """The names in each of `single`."""
    cut: bool = False

    def weight(self, stem: str) -> float:
        """How telling a word is: more, the fewer sentences of the contexts have it; most where none has."""
        return self.weights.get(stem, self.weights[""])


def read_contexts(contexts: Sequence[Context], question: str = "") -> Evidence:
    """The evidence of these contexts. Every sentence is a window, and every two that follow each other. A text that is
    there twice is read once."""
    windows: list[Window] = []
    counts: Counter[str] = Counter()
    names: set[str] = set()
    number = 0
    cut = False
    for context in distinct(contexts):
        texts = passages(context.text)
        cut = cut or len(texts) > MOST_SENTENCES - number
        read = [_read(text) for text in texts[: MOST_SENTENCES - number]]
        number += len(read)
        for place, sentence in enumerate(read):
            windows.append(_window(context.id, (sentence,)))
            if place:
                windows.append(_window(context.id, (read[place - 1], sentence)))
            counts.update(set(sentence.stems))
            names.update(_inner_capitals(sentence.tokens))
    weights = {stem: math.log(1 + (number + 1) / (count + 0.5)) for stem, count in counts.items()}
    weights[""] = math.log(1 + (number + 1) / 0.5)
    asked = _read(question).tokens if question else ()
    names.update(_inner_capitals(asked))
    single = tuple(window for window in windows if len(window.parts) == 1)
    vocabulary = frozenset(token.stem for window in single for token in window.tokens)
    known = frozenset(names)
    told = tuple(tuple(names_in(window.tokens, known)) for window in single)
    return Evidence(tuple(windows), single, vocabulary, known, weights, tuple(contexts), asked, told, cut)


def names_in(tokens: Sequence[Token], known: frozenset[str]) -> list[Name]:
    """The names in a sentence: runs of capitalised words. Its first word is one only where the next is capitalised,
    too, or where the word is `known` from the middle of a sentence."""
    found: list[Name] = []
    run: list[str] = []
    for place, token in enumerate(tokens):
        if capital(token) and (place or token.low in known or (len(tokens) > 1 and capital(tokens[1]))):
            run.append(token.low.removesuffix("'s"))
            continue
        if run:
            found.append(tuple(run))
        run = []
    return [*found, tuple(run)] if run else found


def overlap(of: Sequence[Token], other: Sequence[Token]) -> list[Token]:
    """The content words (and numbers) of the first that have a like in the second (see `wording.alike`)."""
    stems, begun = _family(tuple(other))
    return [
        token
        for token in of
        if (token.content or token.number is not None)
        and (
            token.stem in stems
            or (token.number is None and (token.stem in begun or any(part in stems for part in beginnings(token.stem))))
        )
    ]


@lru_cache(maxsize=65_536)
def _family(tokens: tuple[Token, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """The stems of the telling words of a text, and what those stems begin with."""
    stems = frozenset(token.stem for token in tokens if token.content or token.number is not None)
    return stems, frozenset(part for stem in stems if not stem.startswith("#") for part in beginnings(stem))


def capital(token: Token) -> bool:
    """Whether a word is written as a name: with a capital, and no function word, month or number."""
    return token.text[0].isupper() and token.low not in STOP and token.low not in MONTHS and token.number is None


@lru_cache(maxsize=8192)
def _read(text: str) -> Sentence:
    return read_sentence(text)


def _window(context: str, parts: tuple[Sentence, ...]) -> Window:
    return Window(
        context,
        " ".join(part.text for part in parts),
        parts,
        tuple(token for part in parts for token in part.tokens),
        tuple(clause for part in parts for clause in part.clauses),
    )


def _inner_capitals(tokens: Sequence[Token]) -> list[str]:
    return [token.low.removesuffix("'s") for token in tokens[1:] if capital(token)]
