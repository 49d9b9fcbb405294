"""Which of several listed options a reply names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from string import ascii_uppercase

from evalkit.scoring.extraction.patterns import matched

_LETTER = re.compile(r"(\([A-Z]\))")


def option_letter(text: str, options: Sequence[str]) -> str | None:
    """The option that a reply names, as "(B)", or None.

    The last letter in parentheses wins; else the last option whose text is in the reply, ignoring case and
    punctuation (the longest where one begins like another); else the last letter after a colon. Source:
    lm-evaluation-harness' multiple-choice filter.
    """
    found = matched(_LETTER, text, "last")
    if found or not options:
        return found
    letters = ascii_uppercase[: len(options)]
    texts = {
        plain: f"({letter})" for option, letter in zip(options, letters, strict=False) if (plain := _plain(option))
    }
    longest_first = sorted(texts, key=len, reverse=True)
    if texts:
        named = matched(re.compile("|".join(map(re.escape, longest_first))), _plain(text), "last")
        if named:
            return texts.get(named, named)
    letter = matched(re.compile(rf":\s*([{letters}])"), text, "last")
    return f"({letter})" if letter else None


def _plain(text: str) -> str:
    return "".join(char for char in text.strip().lower() if not unicodedata.category(char).startswith("P"))
