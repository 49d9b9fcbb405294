"""What a page makes of foreign text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.core.outside_text import visible
from evalkit.reporting.text import finite, json_block


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\nline", "plain\ttext\nline"),
        ("windows\r\nline", "windows\nline"),
        ("a\rb", "a⟨U+000D⟩b"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07rest", "rest"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("lone \x1b", "lone ⟨U+001B⟩"),
        ("\u202eabc", "⟨U+202E⟩abc"),
        ("\x00\u200b\ufeff", "⟨U+0000⟩⟨U+200B⟩⟨U+FEFF⟩"),
        ("\udc80", "⟨U+DC80⟩"),
        ("family 👨\u200d👩\u200d👧", "family 👨\u200d👩\u200d👧"),
    ],
)
def test_hidden_characters_are_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_nothing_hidden_remains(text: str) -> None:
    assert not any(ord(c) < 32 and c not in "\t\n" for c in visible(text))
    visible(text).encode("utf-8")
    assert visible(visible(text)) == visible(text)


@given(st.recursive(st.text() | st.floats(allow_nan=False, allow_infinity=False), st.lists))
def test_a_block_of_json_says_the_same_and_ends_nothing(value: object) -> None:
    block = str(json_block("x", value))
    head, tail = '<script type="application/json" id="x">', "</script>\n"
    inside = block.removeprefix(head).removesuffix(tail)
    assert json.loads(inside) == value
    assert inside.isascii()
    assert not set("<>&") & set(inside)


def test_numbers_that_are_not_finite_are_null() -> None:
    assert finite({"a": [float("nan"), 1.5, (float("inf"),)]}) == {"a": [None, 1.5, [None]]}
