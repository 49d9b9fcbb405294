"""Windows of a long text, room for an answer, and the tokens of a join, on hand-made ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from evalkit.core import ModelError
from evalkit.models.hf.text.encode import Tokens, continuations, prompt_ids, rolling_rows


class Letters:
    """A tokenizer with one token a letter, except that "xy" is one; BOS is 0 and stands first by default."""

    bos_token_id: int | None = 0
    eos_token_id: int | None = 1
    prepends = True
    appends = False

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def decode(self, ids: Sequence[int]) -> str:
        return "".join("^" if token == 0 else chr(token) for token in ids)

    def __call__(self, texts: str | list[str], *, add_special_tokens: bool, **settings: object) -> dict[str, Any]:
        if isinstance(texts, str):
            return {"input_ids": self([texts], add_special_tokens=add_special_tokens)["input_ids"][0]}
        self.calls.append(texts)
        ids = [[ord(letter) if letter != "^" else 0 for letter in text.replace("xy", "Z")] for text in texts]
        if add_special_tokens:
            ids = [[*[0] * self.prepends, *row, *[1] * self.appends] for row in ids]
        return {"input_ids": ids}


def tokens(**settings: Any) -> Tokens:
    return Tokens(Letters(), **{"max_length": 8, **settings})


def read(made: Tokens, context: str, *endings: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """(what the model reads, what is scored, notes) of every continuation, as letters."""
    parts = continuations(made, [(context, endings)])[0]
    assert not isinstance(parts, Exception), parts
    decode = made.tokenizer.decode
    return [(decode(part.row.ids), decode(part.row.targets), part.notes) for part in parts]


def test_windows_are_disjoint_and_the_last_has_all_the_context_that_fits() -> None:
    rows = rolling_rows(tuple(range(10)), 99, 4)
    assert [(row.ids, row.targets) for row in rows] == [
        ((99, 0, 1, 2), (0, 1, 2, 3)),
        ((3, 4, 5, 6), (4, 5, 6, 7)),
        ((5, 6, 7, 8), (8, 9)),
    ]
    assert [row.positions for row in rows] == [(0, 1, 2, 3), (0, 1, 2, 3), (2, 3)]


@pytest.mark.parametrize(("count", "windows"), [(0, 0), (1, 1), (4, 1), (5, 2), (8, 2), (9, 3)])
def test_every_token_is_scored_once(count: int, windows: int) -> None:
    rows = rolling_rows(tuple(range(count)), 99, 4)
    assert len(rows) == windows
    assert [target for row in rows for target in row.targets] == list(range(count))
    assert all(len(row.ids) <= 4 for row in rows)


def test_the_continuation_is_what_follows_the_contexts_tokens() -> None:
    assert read(tokens(), "ab", "c", "cd") == [("^ab", "c", ()), ("^abc", "cd", ())]


def test_trailing_blanks_of_the_context_are_scored_with_the_continuation() -> None:
    assert read(tokens(), "ab \n", "c") == [("^ab \n"[:5], " \nc", ())]


def test_a_token_across_the_join_is_scored_after_what_stands_before_it() -> None:
    assert read(tokens(), "abx", "y") == [("^ab", "Z", ("join-backed-off",))]
    assert read(tokens(), "x", "y") == [("^", "Z", ("join-backed-off",))]


def test_a_context_of_which_the_join_leaves_nothing_is_the_prefix_token() -> None:
    made = Letters()
    made.prepends = False
    assert read(Tokens(made, max_length=8), "x", "y") == [("^", "Z", ("join-backed-off",))]
    assert read(Tokens(made, max_length=8), "ax", "y") == [("a", "Z", ("join-backed-off",))]


def test_an_empty_context_is_one_prefix_token_and_never_two() -> None:
    assert read(tokens(), "", "ab") == [("^a", "ab", ())]
    assert read(tokens(), "", "^ab") == [("^a", "ab", ())]
    assert read(tokens(), "^a", "b") == [("^a", "b", ())]


def test_without_bos_the_prefix_is_eos_and_without_both_it_is_an_error() -> None:
    made = Letters()
    made.bos_token_id = None
    assert Tokens(made, max_length=8).prefix_id == 1
    made.eos_token_id = None
    parts = continuations(Tokens(made, max_length=8), [("", ["a"]), ("a", ["b"])])
    assert isinstance(parts[0], ModelError)
    assert not isinstance(parts[1], Exception)


def test_special_tokens_behind_a_text_are_dropped_since_the_text_goes_on() -> None:
    made = Letters()
    made.appends = True
    assert read(Tokens(made, max_length=8), "ab", "c") == [("^ab", "c", ())]


def test_an_encoder_decoder_reads_context_and_continuation_apart() -> None:
    made = Letters()
    made.appends = True
    (part,) = continuations(Tokens(made, max_length=8, start_id=7), [("ab ", ["c"])])[0]  # type: ignore[misc]
    assert part.row.source == (0, ord("a"), ord("b"), 1)
    assert part.row.ids == (7, ord(" "))
    assert part.row.targets == (ord(" "), ord("c"))


def test_truncation_keeps_the_last_tokens_and_counts_the_others() -> None:
    (part,) = continuations(tokens(max_length=4), [("abcdef", ["gh"])])[0]  # type: ignore[misc]
    assert part.row.ids == tuple(map(ord, "defg"))
    assert part.row.targets == tuple(map(ord, "gh"))
    assert part.row.positions == (2, 3)
    assert part.truncated == len("^abcdefgh") - 5


def test_every_distinct_text_is_tokenised_once() -> None:
    made = tokens()
    made.tokenizer.calls.clear()
    continuations(made, [("ab", ["c", "d"]), ("ab", ["c", "e"]), ("ab ", ["c"])])
    asked = [text for call in made.tokenizer.calls for text in call]
    assert sorted(asked) == ["ab", "ab c", "abc", "abd", "abe"]
    assert len(made.tokenizer.calls) == 1


@pytest.mark.parametrize(
    ("length", "max_tokens", "kept", "room", "notes"),
    [
        (3, 4, 3, 4, ()),
        (6, 4, 4, 4, ()),
        (6, 8, 4, 4, ("max-tokens-reduced-to-4",)),
        (2, 100, 2, 6, ("max-tokens-reduced-to-6",)),
        (0, 4, 1, 4, ()),
    ],
)
def test_a_prompt_leaves_room_for_its_answer(
    length: int, max_tokens: int, kept: int, room: int, notes: tuple[str, ...]
) -> None:
    ids = tuple(range(10, 10 + length))
    got, limit, truncated, said = prompt_ids(tokens(), ids, max_tokens)
    assert (len(got), limit, said) == (kept, room, notes)
    assert got == (ids[-kept:] or (0,))
    assert truncated == max(0, length - kept)
