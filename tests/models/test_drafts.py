"""How a text is guessed to go on: as it did where it last said the same, and only where the model can judge alone."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch")

from evalkit.models.hf.generation.drafts import Drafts
from evalkit.models.hf.generation.stream import Stream


class Endless:
    """A text that no stop string ends."""

    def restart(self) -> None: ...
    def ends(self, written: list[int]) -> bool:
        return False


def stream(ids: tuple[int, ...], limit: int = 100, **named: Any) -> Stream:
    return Stream(ids, limit, Endless(), frozenset(), **named)  # type: ignore[arg-type]


def guessed(ids: tuple[int, ...], written: tuple[int, ...], most: int = 99, *, right: int = 0) -> list[int]:
    """The guess after `right` guesses of one token that were all right."""
    text = stream(ids)
    drafts = Drafts(text)
    for _ in range(right):
        drafts.judged(1, 1)
    for token in written:
        text.push(token)
    return drafts.guess(most)


def test_a_text_goes_on_as_it_did_after_the_same_tokens() -> None:
    prompt = (1, 2, 3, 4, 5, 6, 7, 8, 9)
    assert guessed(prompt, (2, 3)) == [4, 5]
    assert guessed(prompt, (2, 3), right=1) == [4, 5, 6, 7]
    assert guessed(prompt, (2, 3), right=9) == [4, 5, 6, 7, 8, 9, 2, 3]
    assert guessed(prompt, (2, 3), 1) == [4]
    assert guessed(prompt, (3,)) == [] and guessed(prompt, (3, 2)) == [], "no two tokens were there before"
    assert guessed((1, 2), ()) == [] and guessed((1,), (1, 1)) == [1]


def test_of_several_places_the_one_with_more_of_the_same_before_it_is_taken_and_else_the_last() -> None:
    assert guessed((5, 1, 2, 30, 6, 1, 2, 40, 7, 1, 2, 50), (6, 1, 2), 1) == [40]
    assert guessed((5, 1, 2, 30, 6, 1, 2, 40, 7, 1, 2, 50), (8, 1, 2), 1) == [50]


def test_no_more_is_guessed_than_the_text_may_get() -> None:
    """The token before the guesses is the model's: a text that may get one more has no use for any."""
    for limit, expected in ((5, [4, 5]), (4, [4]), (3, [])):
        text = stream((1, 2, 3, 4, 5, 6, 7, 8, 9), limit)
        text.push(2), text.push(3)
        assert Drafts(text).guess(9) == expected


def test_wrong_guesses_make_the_next_ones_short_and_right_ones_long() -> None:
    text = stream((1, 2, 3, 4, 5, 6, 7, 8, 9))
    drafts = Drafts(text)
    text.push(2), text.push(3)
    sizes = []
    for given, right in ((2, 2), (4, 4), (8, 8), (8, 3), (8, 0), (4, 0), (2, 0), (1, 0), (0, 0), (1, 1)):
        drafts.judged(given, right)
        sizes.append(len(drafts.guess(99)))
    assert sizes == [4, 8, 8, 8, 4, 2, 1, 1, 1, 2]


@pytest.mark.parametrize("named", [{"temperature": 0.7}, {"repetition_penalty": 1.1}, {"budget": object()}])
def test_only_texts_whose_every_token_is_the_likeliest_are_guessed_at(named: dict[str, Any]) -> None:
    assert Drafts.are_for(stream((1, 2)))
    text = stream((1, 2))
    for name, value in named.items():
        setattr(text, name, value)
    assert not Drafts.are_for(text)
