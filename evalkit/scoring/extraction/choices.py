"""Which of the offered choices a written reply means: its letter, or its text."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

LETTERS = string.ascii_uppercase

_ALONE = re.compile(r"[\W_]*([A-Z])[\W_]*")
_SAID = re.compile(r"(?i:\b(?:answer|choice|option)s?)[\W_]*(?i:(?:is|was|would be|=)\b)?[\W_]*\(?([A-Z])\b(?!['’])")
_LISTED = re.compile(r"[\W_]*([A-Z])[).:]+(?=\s|\*|$)|[\W_]*[(\[]([A-Z])[)\]]")
_BRACKETED = re.compile(r"[(\[]([A-Z])[)\]]|\*\*([A-Z])[.):]?\*\*|\\boxed\{(?:\\text\{)?([A-Z])\}?\}")


def read_letter(text: str, count: int) -> int | None:
    """The number of the choice, of `count` lettered ones, that a reply names by its letter; None where it names none.

    Looked for in turn: a letter and nothing else; the last "answer is C" or "Answer: C"; a letter that begins the
    reply as in a list ("C. …", "(C)"); the last letter in brackets, bold or boxed. A letter that begins a sentence
    ("A dog …") is no answer. The letter must be one of those that were offered.
    """
    text = text.strip()
    offered = LETTERS[:count]
    if (alone := _ALONE.fullmatch(text)) and alone[1] in offered:
        return offered.index(alone[1])
    for letter in reversed(_SAID.findall(text)):
        if letter in offered:
            return offered.index(letter)
    if (listed := _LISTED.match(text)) and (listed[1] or listed[2]) in offered:
        return offered.index(listed[1] or listed[2])
    for groups in reversed(_BRACKETED.findall(text)):
        letter = next(filter(None, groups))
        if letter in offered:
            return offered.index(letter)
    return None


def read_choice(text: str, choices: Sequence[str], *, lettered: bool = False) -> int | None:
    """The number of the choice that a reply means, by its text or, where choices were `lettered`, by its letter.

    A reply that is a choice's text, whatever its case and the punctuation at its ends, is that choice. Else it is the
    one choice that stands in the reply in whole words: of choices that hold each other the longer one, and where two
    stand in it apart, none.
    """
    if lettered and (number := read_letter(text, len(choices))) is not None:
        return number
    said, plain = _plain(text), [_plain(choice) for choice in choices]
    if said in plain:
        return plain.index(said)
    left = said
    found = []
    for number in sorted(range(len(plain)), key=lambda number: -len(plain[number])):
        if plain[number]:
            left, times = re.subn(rf"(?<!\w){re.escape(plain[number])}(?!\w)", "\0", left)
            found += [number] * bool(times)
    return found[0] if len(found) == 1 else None


def _plain(text: str) -> str:
    return " ".join(text.casefold().strip(string.punctuation + string.whitespace).split())
