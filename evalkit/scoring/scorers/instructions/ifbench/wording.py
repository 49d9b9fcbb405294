"""Constraints on words and on the order of sentences."""

from __future__ import annotations

import re
from collections import Counter
from importlib import import_module
from itertools import pairwise

from evalkit.scoring.scorers.instructions.arguments import Arguments, Check, number, text
from evalkit.scoring.scorers.instructions.ifbench.texts import PUNCTUATION, Tokens, bare, needed, stripped
from evalkit.scoring.scorers.instructions.sentences import Splitter

_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_CLUSTER = re.compile("[bcdfghjklmnpqrstvwxyz]{2}")
_PRIMES = frozenset(n for n in range(2, 98) if all(n % d for d in range(2, n)))


def alphabet(reply: str, arguments: Arguments) -> bool:
    """Each word begins with the letter after that of the word before it, and with a after z."""
    letters = [word[0] for word in bare(reply).strip().lower().split()]
    if not letters or letters[0] not in _ALPHABET:
        return False
    first = _ALPHABET.index(letters[0])
    return all(letter == _ALPHABET[(first + place) % 26] for place, letter in enumerate(letters))


def vowel(reply: str, arguments: Arguments) -> bool:
    """One paragraph with at most three different vowels."""
    paragraph = reply.strip()
    return "\n" not in paragraph and len(set("aeiou") & set(paragraph.lower())) <= 3


def consonants(reply: str, arguments: Arguments) -> bool:
    return all(_CLUSTER.search(word) for word in reply.lower().split())


def palindrome(reply: str, arguments: Arguments) -> bool:
    found = [word for word in bare(reply).lower().split() if len(word) >= 5 and word == word[::-1]]
    return len(found) >= 10


def prime_lengths(reply: str, arguments: Arguments) -> bool:
    return all(len(word) in _PRIMES for word in bare(reply).split())


def start_verb(tokens: Tokens) -> Check:
    def check(reply: str, arguments: Arguments) -> bool:
        needed("averaged_perceptron_tagger_eng")
        from nltk import pos_tag

        tagged = pos_tag(tokens.of(reply))
        return bool(tagged) and "VB" in tagged[0][1]

    return check


def repeats(reply: str, arguments: Arguments) -> bool:
    most = number(arguments, "small_n")
    return all(count <= most for count in Counter(bare(reply.lower()).split()).values())


def odd_even_syllables(reply: str, arguments: Arguments) -> bool:
    needed("syllapy")
    count = import_module("syllapy").count
    parities = [count(word) % 2 for word in bare(reply).lower().split()]
    return all(one != other for one, other in pairwise(parities))


def last_first(split: Splitter) -> Check:
    """Every sentence begins with the word that the one before it ended with."""

    def check(reply: str, arguments: Arguments) -> bool:
        for one, other in pairwise(split(reply)):
            last = one.rstrip(PUNCTUATION + " ").split()
            first = other.lstrip(PUNCTUATION + " ").split()
            # The first word keeps the marks that follow it, as in the checker.
            if not last or not first or last[-1].lower() != first[0].lower():
                return False
        return True

    return check


def paragraph_last_first(reply: str, arguments: Arguments) -> bool:
    found = (stripped(paragraph.strip().lower()).split() for paragraph in reply.split("\n"))
    return all(words[0] == words[-1] for words in found if words)


def no_consecutive(reply: str, arguments: Arguments) -> bool:
    letters = [word[0] for word in bare(reply.lower()).split()]
    return all(one != other for one, other in pairwise(letters))


def specific_position(split: Splitter, tokens: Tokens) -> Check:
    """A keyword as a certain word of a certain sentence, where marks are no words."""

    def check(reply: str, arguments: Arguments) -> bool:
        nth, place = number(arguments, "n"), number(arguments, "m")
        sentences = split(reply)
        if len(sentences) < nth:
            return False
        found = [token for token in tokens.of(sentences[nth - 1]) if any(map(str.isalnum, token))]
        return len(found) >= place and found[place - 1].lower() == text(arguments, "keyword").strip().lower()

    return check


def second_and_second_last(tokens: Tokens) -> Check:
    """A keyword as the second word and the second to last one; one mark at the end does not count."""

    def check(reply: str, arguments: Arguments) -> bool:
        found = [token.lower() for token in tokens.of(reply)]
        place = -3 if found and found[-1] in PUNCTUATION else -2
        keyword = text(arguments, "keyword").strip().lower()
        return len(found) >= -place and found[1] == found[place] == keyword

    return check


def alliteration_increment(split: Splitter) -> Check:
    def check(reply: str, arguments: Arguments) -> bool:
        return all(one < other for one, other in pairwise([-1, *map(_alliterative, split(reply))]))

    return check


def _alliterative(sentence: str) -> int:
    """How many words begin as a neighbour does; a word that ends one run and begins the next counts in both."""
    letters = [word[0] for word in (raw.lstrip(PUNCTUATION + " ") for raw in sentence.lower().split()) if word]
    alike = [one == other for one, other in pairwise(letters)]
    return sum(1 if place and alike[place - 1] else 2 for place, same in enumerate(alike) if same)


def sentence_keyword(split: Splitter) -> Check:
    def check(reply: str, arguments: Arguments) -> bool:
        sentences, nth = split(reply), number(arguments, "N")
        if len(sentences) < nth:
            return False
        return bool(re.search(rf"\b{re.escape(text(arguments, 'word'))}\b", sentences[nth - 1], re.IGNORECASE))

    return check


def sentence_increment(split: Splitter) -> Check:
    def check(reply: str, arguments: Arguments) -> bool:
        counts = [len(bare(sentence).split()) for sentence in split(reply)]
        return all(other == one + number(arguments, "small_n") for one, other in pairwise(counts))

    return check
