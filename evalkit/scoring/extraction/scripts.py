"""Words in any script, and which letters of a text a metric that was made for English does not see."""

from __future__ import annotations

import re
import unicodedata

UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""A character of a script that puts no blanks between words: Thai, Lao, Burmese, Khmer, Chinese, Japanese."""


def unicode_words(text: str) -> list[str]:
    """The words of a text in lower case: runs of letters, marks and digits; of scripts without blanks each character,
    with the marks that belong to it."""
    words: list[str] = []
    joins = False
    for char in unicodedata.normalize("NFC", text).lower():
        kind = unicodedata.category(char)[0]
        if kind not in "LMN":
            joins = False
        elif joins and (kind == "M" or not UNSPACED.match(char)) and not (kind != "M" and UNSPACED.match(words[-1])):
            words[-1] += char
        else:
            words.append(char)
            joins = True
    return words


def hidden_letters(text: str) -> bool:
    """Whether a text has letters outside of ASCII, which a tokenizer for English deletes."""
    return not text.isascii() and any(char.isalpha() and not char.isascii() for char in text)


def unspaced(text: str) -> bool:
    """Whether a text has characters of a script without blanks between words: parted at blanks it is one word."""
    return not text.isascii() and UNSPACED.search(text) is not None


def other_punctuation(text: str) -> bool:
    """Whether a text has punctuation outside of ASCII, such as 。 or “."""
    return not text.isascii() and any(unicodedata.category(char).startswith("P") for char in text if not char.isascii())
