"""Normal forms of short answers, each as its benchmark's official scorer defines it."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def squad_normalise(text: str) -> str:
    """SQuAD's normal form: lower case, then no ASCII punctuation, no articles, single blanks.

    Source: the official evaluation scripts of SQuAD 1.1 and 2.0. The order matters: punctuation is deleted, not
    replaced, so "U.S.A." becomes "usa" and "a-b" becomes "ab" (whose "a" is no article any more). Punctuation
    outside of ASCII, such as “ ” or –, stays.
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


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
