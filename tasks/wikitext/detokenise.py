"""Undoing WikiText's tokenisation: the blanks that it put around punctuation, numbers, brackets and quotes."""

from __future__ import annotations

import re

# Order matters: each step sees what the ones before it made.
_BEFORE_BRACKETS = (
    ("s '", "s'"),
    (" @-@ ", "-"),
    (" @,@ ", ","),
    (" @.@ ", "."),
    (" : ", ": "),
    (" ; ", "; "),
    (" . ", ". "),
    (" ! ", "! "),
    (" ? ", "? "),
    (" , ", ", "),
)
_PAIRS = tuple(
    (re.compile(rf"{left}\s*([^{right}]*?)\s*{right}"), rf"{plain_left}\1{plain_right}")
    for left, right, plain_left, plain_right in (
        (r"\(", r"\)", "(", ")"),
        (r"\[", r"\]", "[", "]"),
        (r"\{", r"\}", "{", "}"),
        ('"', '"', '"', '"'),
        ("'", "'", "'", "'"),
    )
)
_AFTER_BRACKETS = (
    ("= = = =", "===="),
    ("= = =", "==="),
    ("= =", "=="),
    (" ° ", "°"),
    (" \n", "\n"),
    ("\n ", "\n"),
    (" N ", " 1 "),
    (" 's", "'s"),
)


def detokenise(page: str) -> str:
    """A page as text. The steps are those that published perplexities were computed with (lm-evaluation-harness).

    " N " for a number is the Penn Treebank's; its step is kept because the figures contain it.
    """
    for old, new in _BEFORE_BRACKETS:
        page = page.replace(old, new)
    for pattern, replacement in _PAIRS:
        page = pattern.sub(replacement, page)
    for old, new in _AFTER_BRACKETS:
        page = page.replace(old, new)
    return page
