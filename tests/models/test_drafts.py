"""How a text is guessed to go on: as the same went on before, and only where the model can judge alone."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch")

from evalkit.models.hf.generation import drafts as drafts_module
from evalkit.models.hf.generation.drafts import Drafts, Siblings
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
    drafts = Drafts(text, Siblings())
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


def beside(
    ids: tuple[int, ...], written: tuple[int, ...], *siblings: tuple[tuple[int, ...], tuple[int, ...]]
) -> list[int]:
    """The guess at a text next to others (prompt, written), each of which was guessed at in the order given."""
    known = Siblings()
    for prompt, said in siblings:
        other = stream(prompt)
        guesses = Drafts(other, known)
        for token in said:
            other.push(token)
            guesses.guess(9)
    text = stream(ids)
    for token in written:
        text.push(token)
    return Drafts(text, known).guess(9)


def test_a_text_goes_on_as_one_next_to_it_did() -> None:
    one, other = ((9, 8), (1, 2, 3, 4)), ((9, 8), (1, 2, 5))
    assert beside((6, 7), (1, 2), one) == [3, 4]
    assert beside((6, 7), (1, 2), one, other) == [5], "the one that said it last"
    assert beside((6, 7), (1, 2), other, one) == [3, 4]
    assert beside((6, 8), (1,), one) == [2, 3], "its first token follows the prompt's last"
    assert beside((6, 7), (2, 1), one) == [] == beside((6, 9), (8,), one), "what only its prompt says is its own"
    assert beside((6, 7), (3, 4), one) == [], "it ended there"


def test_of_its_own_and_another_text_the_one_with_more_of_the_same_before_it_is_taken_and_else_its_own() -> None:
    sibling = ((9, 8), (5, 1, 2, 30))
    assert beside((1, 2, 40), (1, 2), sibling) == [40, 1]
    assert beside((1, 2, 40), (5, 1, 2), sibling) == [30]
    assert beside((5, 1, 2, 40), (5, 1, 2), sibling) == [40, 5]


def test_what_was_said_longest_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    sibling = ((9,), (1, 2, 3, 1, 2, 4))
    for most, expected in ((4, [2, 3]), (3, [])):
        monkeypatch.setattr(drafts_module, "_PAIRS", most)
        # Pairs: 9 1, then 2 3 and 3 1, and 1 2, which was said again.
        assert beside((8, 9), (1,), sibling)[:2] == expected
        assert beside((7,), (1, 2), sibling) == [4]


def test_no_more_is_guessed_than_the_text_may_get() -> None:
    """The token before the guesses is the model's: a text that may get one more has no use for any."""
    for limit, expected in ((5, [4, 5]), (4, [4]), (3, [])):
        text = stream((1, 2, 3, 4, 5, 6, 7, 8, 9), limit)
        text.push(2), text.push(3)
        assert Drafts(text, Siblings()).guess(9) == expected


def test_wrong_guesses_make_the_next_ones_short_and_right_ones_long() -> None:
    text = stream((1, 2, 3, 4, 5, 6, 7, 8, 9))
    drafts = Drafts(text, Siblings())
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
