"""Which of the offered choices a written reply means: its letter, or its text."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit.scoring.extraction.labels import label
from evalkit.scoring.extraction.letters import LETTERS, letter
from evalkit.scoring.extraction.reading import Reading

__all__ = ["LETTERS", "choice", "read_choice"]


def choice(text: str, choices: Sequence[str], *, lettered: bool = False) -> Reading[int]:
    """The number of the choice that a reply means: by its letter, where choices were `lettered`, or by its text.

    A reply that is one of the texts means that one. Then a letter counts (see `letters.letter`), and last the one
    text that the reply names (see `labels.label`); a letter that was not offered is read as no text.
    """
    if not lettered:
        return label(text, choices)
    if len(text.strip()) > 1:
        for number, said in enumerate(choices):
            if said.strip() == text.strip():
                return Reading(number)
    by_letter, by_text = letter(text, len(choices)), label(text, choices)
    if by_letter.value is None and not by_letter.unreadable:
        return by_text if by_text.value is not None else by_letter
    if by_letter.value is not None and by_text.value is not None:
        word = choices[by_text.value].split(" ", 1)[0]
        if word == LETTERS[by_letter.value]:
            # "B flat" is a separate choice, wherever it stands.
            return by_text
    return by_letter


def read_choice(text: str, choices: Sequence[str], *, lettered: bool = False) -> int | None:
    """The value of `choice`: a number, or None where none can be read."""
    return choice(text, choices, lettered=lettered).value
