"""Which choice a written reply means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.scoring.extraction.choices import LETTERS, read_choice, read_letter


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B", "B"),
        (" (b) ", "B"),
        ("(B)", "B"),
        ("**B**", "B"),
        ("B.", "B"),
        ("B. Lima", "B"),
        ("B) Lima, since", "B"),
        ("(C) because A is wrong", "C"),
        ("The answer is C.", "C"),
        ("the correct answer is (C)", "C"),
        ("Answer: D", "D"),
        ("**Answer:** D", "D"),
        ("Answer: A. No wait, the answer is B", "B"),
        ("I think option C fits", "C"),
        ("A is wrong, so it must be \\boxed{D}", "D"),
        ("It is **C.** for sure", "C"),
        ("A dog barks", None),
        ("I don't know", None),
        ("E", None),
        ("The answer is E", None),
        ("Answer's unknown", None),
        ("", None),
        ("Lima", None),
    ],
)
def test_letters(text: str, letter: str | None) -> None:
    found = read_letter(text, 4)
    assert (None if found is None else LETTERS[found]) == letter


CITIES = ("Lima", "New York", "York", "La Paz")


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("Lima", "Lima"),
        ("  lima. ", "Lima"),
        ("It is Lima!", "Lima"),
        ("New York", "New York"),
        ("new  york", "New York"),
        ("The city of York", "York"),
        ("New York or York", None),
        ("Lima and La Paz", None),
        ("Limass", None),
        ("", None),
        ("none of them", None),
    ],
)
def test_texts(text: str, choice: str | None) -> None:
    found = read_choice(text, CITIES)
    assert (None if found is None else CITIES[found]) == choice


def test_a_letter_counts_only_where_choices_were_lettered() -> None:
    assert read_choice("D", CITIES) is None
    assert read_choice("D", CITIES, lettered=True) == 3
    assert read_choice("York, of course", CITIES, lettered=True) == 2


TEXTS = st.text(alphabet="abcdé ", min_size=1).filter(str.strip)


@given(st.lists(TEXTS, min_size=2, max_size=5, unique_by=lambda text: " ".join(text.split())))
def test_every_choice_is_read_from_its_own_text_and_its_letter(choices: list[str]) -> None:
    for number, choice in enumerate(choices):
        assert read_choice(choice, choices) == number
        assert read_choice(LETTERS[number], choices, lettered=True) == number
        assert read_choice(f"The answer is ({LETTERS[number]}).", choices, lettered=True) == number
