"""Normal forms of short answers, each as its benchmark's official scorer defines it."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def squad_normalise(text: str) -> str:
    """SQuAD's normal form: lower case, then no ASCII punctuation, no articles, single blanks.

    Source: the official evaluation scripts of SQuAD 1.1 and 2.0. The order matters: punctuation is deleted, not
    replaced, so "U.S.A." becomes "usa" and "a-b" becomes "ab" (whose "a" is not an article any more). Punctuation
    outside of ASCII, such as “ ” or –, stays.
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


_LANGUAGES_ARTICLES = {
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "ar": r"\sال^|ال",
}
MLQA_LANGUAGES = ("ar", "de", "en", "es", "hi", "vi", "zh")
_CHINESE = re.compile("([\u4e00-\u9fa5])")


def mlqa_normalise(text: str, language: str) -> str:
    """MLQA's normal form: lower case, no punctuation of any script, no articles of the language, single blanks.

    Of Chinese each character is a word. Source: mlqa_evaluation_v1.py (Lewis et al. 2020, arXiv 1910.07475).
    """
    text = "".join(char for char in text.lower() if not _is_punctuation(char))
    if language in _LANGUAGES_ARTICLES:
        text = re.sub(_LANGUAGES_ARTICLES[language], " ", text)
    if language == "zh":
        text = _CHINESE.sub(r" \1 ", text)
    return " ".join(text.split())


def _is_punctuation(char: str) -> bool:
    return char in string.punctuation or unicodedata.category(char).startswith("P")


def exact_match_normalise(
    text: str,
    *,
    ignore: Iterable[re.Pattern[str]] = (),
    ignore_case: bool = False,
    ignore_punctuation: bool = False,
) -> str:
    """Delete every match of the `ignore` patterns in turn, then lower the case, then delete ASCII punctuation.

    The order is that of lm-evaluation-harness' exact match: a pattern sees the text in its own case and with its
    punctuation. White space is left as it is.
    """
    for pattern in ignore:
        text = pattern.sub("", text)
    if ignore_case:
        text = text.lower()
    if ignore_punctuation:
        text = text.translate(_NO_PUNCTUATION)
    return text
