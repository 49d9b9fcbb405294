"""Instructions about words and letters: keywords, their frequency, case, language, commas.

A keyword is a regular expression, as the official checker takes it: "c++" would be an error, "." any character.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from evalkit.scoring.scorers.instructions.arguments import Arguments, Check, compared, text, texts
from evalkit.scoring.scorers.instructions.sentences import Splitter


def keywords(reply: str, arguments: Arguments) -> bool:
    return all(re.search(word, reply, re.IGNORECASE) for word in texts(arguments, "keywords"))


def keyword_frequency(reply: str, arguments: Arguments) -> bool:
    found = re.findall(text(arguments, "keyword").strip(), reply, re.IGNORECASE)
    return compared(len(found), arguments, "frequency")


def forbidden_words(reply: str, arguments: Arguments) -> bool:
    words = texts(arguments, "forbidden_words")
    return not any(re.search(rf"\b{word}\b", reply, re.IGNORECASE) for word in words)


def letter_frequency(reply: str, arguments: Arguments) -> bool:
    """How often a character is in the reply, whatever its case.

    The official checker replaces whatever is not a letter from a to z by a letter drawn at random, so two prompts
    (keys 1122 with "#" and 1129 with "!") have no fixed answer there; here the character itself is counted.
    """
    letter = text(arguments, "letter").strip().lower()
    return compared(reply.lower().count(letter), arguments, "let_frequency", "let_relation")


def no_comma(reply: str, arguments: Arguments) -> bool:
    return "," not in reply


def capital_words(split: Splitter) -> Check:
    """How many tokens are in capitals, by NLTK's word tokenizer over sentences."""

    def check(reply: str, arguments: Arguments) -> bool:
        from nltk.tokenize.destructive import NLTKWordTokenizer

        tokenize = NLTKWordTokenizer().tokenize
        capital = sum(token.isupper() for sentence in split(reply) for token in tokenize(sentence))
        return compared(capital, arguments, "capital_frequency", "capital_relation")

    return check


def response_language(reply: str, arguments: Arguments) -> bool:
    return _language(reply) in (text(arguments, "language"), None)


def in_english(case: Callable[[str], bool]) -> Check:
    """Whether the reply is in the one case, and in English (or in no language that can be told)."""
    return lambda reply, arguments: case(reply) and _language(reply) in ("en", None)


def _language(reply: str) -> str | None:
    """The language that langdetect sees, or None where it cannot tell ("123"), which counts as right.

    langdetect draws at random; the seed is fixed, so that a reply has the same language every time.
    """
    from langdetect import DetectorFactory, LangDetectException, detect

    DetectorFactory.seed = 0
    try:
        return str(detect(reply))
    except LangDetectException:
        return None
