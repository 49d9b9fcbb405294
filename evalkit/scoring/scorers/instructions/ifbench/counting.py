"""Constraints that count: words, names, numbers, sentences of a kind."""

from __future__ import annotations

import re
from functools import cache

from evalkit.scoring.scorers.instructions.arguments import Arguments, Check, number, text
from evalkit.scoring.scorers.instructions.ifbench.texts import Tokens, bare, needed, stripped, words
from evalkit.scoring.scorers.instructions.sentences import Splitter

_CONJUNCTIONS = frozenset(["and", "but", "for", "nor", "or", "so", "yet"])
_NAMES = """
    Emma Liam Sophia Jackson Olivia Noah Ava Lucas Isabella Mason Mia Ethan Charlotte Alexander Amelia Benjamin Harper
    Leo Zoe Daniel Chloe Samuel Lily Matthew Grace Owen Abigail Gabriel Ella Jacob Scarlett Nathan Victoria Elijah Layla
    Nicholas Audrey David Hannah Christopher Penelope Thomas Nora Andrew Aria Joseph Claire Ryan Stella Jonathan
"""
_PRONOUNS = """
    i me we us you he him she her it they them my mine our ours your yours his hers its their theirs myself ourselves
    yourself yourselves himself herself itself themselves this that these those who whom whose which what whoever
    whomever whatever whichever anybody anyone anything everybody everyone everything nobody nothing somebody someone
    something each either neither both all some any none
"""
_MARKS = frozenset(".,!?;:")
_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def word_count_range(reply: str, arguments: Arguments) -> bool:
    return number(arguments, "min_words") <= len(words(reply)) <= number(arguments, "max_words")


def unique_words(reply: str, arguments: Arguments) -> bool:
    return len({stripped(word) for word in reply.lower().split()}) >= number(arguments, "N")


def conjunctions(reply: str, arguments: Arguments) -> bool:
    """Different ones as they are written: the checker counts "And" and "and," as two."""
    found = {word for word in reply.split() if stripped(word).lower() in _CONJUNCTIONS}
    return len(found) >= number(arguments, "small_n")


def person_names(reply: str, arguments: Arguments) -> bool:
    return sum(bool(re.search(rf"\b{name}\b", reply)) for name in _NAMES.split()) >= number(arguments, "N")


def numbers(reply: str, arguments: Arguments) -> bool:
    """Runs of digits, once punctuation is gone: "3.5" and "1,000" are one each."""
    return len(re.findall(r"\d+", bare(reply))) == number(arguments, "N")


def pronouns(tokens: Tokens) -> Check:
    def check(reply: str, arguments: Arguments) -> bool:
        known = frozenset(_PRONOUNS.split())
        found = sum(token in known for token in tokens.of(reply.replace("/", " ").lower()))
        return found >= number(arguments, "N")

    return check


def punctuation(reply: str, arguments: Arguments) -> bool:
    """Every mark once, and an interrobang whose own marks do not count."""
    if not any(mark in reply for mark in ("!?", "?!", "‽")):
        return False
    rest = reply.replace("?!", "", 1)
    return set(rest if len(rest) < len(reply) else reply.replace("!?", "", 1)) >= _MARKS


def keywords_multiple(reply: str, arguments: Arguments) -> bool:
    lowered = reply.lower()
    return all(
        lowered.count(text(arguments, f"keyword{place}").strip().lower()) == times
        for place, times in enumerate((1, 2, 3, 5, 7), 1)
    )


def words_japanese(reply: str, arguments: Arguments) -> bool:
    every = number(arguments, "N")
    asked = (stripped(word) for word in reply.split()[every - 1 :: every])
    return all(not word or word.isdigit() or _JAPANESE.search(word) for word in asked)


def stop_words(reply: str, arguments: Arguments) -> bool:
    needed("stopwords")
    found = words(reply)
    stops = sum(word.lower() in _stops() for word in found)
    return bool(found) and stops / len(found) * 100 <= float(arguments.get("percentage") or 0)


@cache
def _stops() -> frozenset[str]:
    from nltk.corpus import stopwords

    return frozenset(stopwords.words("english"))


def sentence_type(split: Splitter) -> Check:
    """Twice as many sentences that end in a full stop as in a question mark."""

    def check(reply: str, arguments: Arguments) -> bool:
        sentences = split(reply)
        return _ending(sentences, ".") == 2 * _ending(sentences, "?")

    return check


def sentence_balance(split: Splitter) -> Check:
    def check(reply: str, arguments: Arguments) -> bool:
        sentences = split(reply)
        return _ending(sentences, ".") == _ending(sentences, "?") == _ending(sentences, "!")

    return check


def _ending(sentences: list[str], mark: str) -> int:
    return sum(sentence.endswith(mark) for sentence in sentences)


def overlap(reply: str, arguments: Arguments) -> bool:
    """The reply's different runs of three characters that the reference has, in percent, within two."""
    own, reference = (set(zip(t, t[1:], t[2:], strict=False)) for t in (reply, text(arguments, "reference_text")))
    return bool(own) and abs(len(own & reference) / len(own) * 100 - float(arguments.get("percentage") or 0)) <= 2


def same_length(split: Splitter) -> Check:
    """Three sentences of as many characters; that their words differ is asked for and not checked."""

    def check(reply: str, arguments: Arguments) -> bool:
        sentences = split(reply)
        return len(sentences) == 3 and len({len(sentence.strip()) for sentence in sentences}) == 1

    return check
