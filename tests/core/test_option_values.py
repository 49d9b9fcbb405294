"""One set of rules says what an option may be, wherever it comes from."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
import pytest

from evalkit.core.option_values import Form, Range, choices, convert, describe, fits, wanted

Size = Annotated[int, Range("a number of tokens, 1 or more", "2048", least=1)]
Wait = Annotated[float, Range("a number of seconds above 0", "600", least=0, above=True)]
Layers = Annotated[str, Form("auto or a number of layers", pattern=r"auto|[0-9]+", near=("auto",))]
Mode = Literal["", "letter", "text"]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("-3", int, -3),
        ("+4", int, 4),
        ("1e-3", float, 0.001),
        (".5", float, 0.5),
        ("7", float, 7.0),
        ("YES", bool, True),
        ("off", bool, False),
        ("none", int | None, None),
        ("Null", str | None, None),
        ("", str | None, ""),
        ("12", int | str, 12),
        ("12b", int | str, "12b"),
        ("letter", Mode, "letter"),
        ("2", Literal[1, 2], 2),
        ("8", Size | None, 8),
        ("0.25", Wait, 0.25),
        ("33", Layers, "33"),
    ],
)
def test_a_text_is_read_as_the_type_says(text: str, kind: Any, value: object) -> None:
    read = convert(text, kind)
    assert read == value and type(read) is type(value)
    assert fits(read, kind)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *((text, int) for text in ("1_000", "٣", "3.0", "", " 3", "0x10")),
        *((text, float) for text in ("nan", "inf", "1e999", "1_0.5", "", "1,5")),
        ("maybe", bool),
        ("", int | None),
        ("words", Mode),
        ("0", Size),
        ("none", Size),
        ("0", Wait),
        ("auto2", Layers),
        ("5\n", Layers),
    ],
)
def test_a_text_that_nobody_means_is_refused(text: str, kind: Any) -> None:
    with pytest.raises(ValueError):
        convert(text, kind)


@pytest.mark.parametrize("kind", [dict, tuple[str, ...], object, Size | dict[str, int]])
def test_a_type_that_no_text_can_be_is_the_authors_mistake(kind: Any) -> None:
    with pytest.raises(TypeError):
        convert("x", kind)


@pytest.mark.parametrize(
    ("value", "kind", "does"),
    [
        (True, int, False),
        (1, bool, False),
        (3, float, True),
        (np.int64(3), int, True),
        (np.float32(3), int, False),
        (("a", "b"), tuple[str, ...], True),
        (("a", 1), tuple[str, ...], False),
        ({"a": 1}, dict[str, int], True),
        (None, Size | None, True),
        (0, Size, False),
        (True, Size, False),
        (math.nan, Wait, False),
        (math.inf, Wait, False),
        ("x", Wait, False),
        ("all", Layers, False),
    ],
)
def test_a_value_fits_its_type_and_range(value: object, kind: Any, does: bool) -> None:
    assert fits(value, kind) is does


@pytest.mark.parametrize(
    ("kind", "short", "long"),
    [
        (int | None, "int or none", "int"),
        (Mode, "letter|text", "one of letter, text"),
        (Literal["only"], "only", "one of only"),
        (bool, "true|false", "one of true, false"),
        (Size | None, "a number of tokens, 1 or more or none", "a number of tokens, 1 or more"),
        (tuple[str, ...], "a list of str", "a list of str"),
        (dict[str, int], "a mapping", "a mapping"),
    ],
)
def test_what_a_user_is_told(kind: Any, short: str, long: str) -> None:
    assert (describe(kind), wanted(kind)) == (short, long)


def test_what_can_be_proposed() -> None:
    assert choices(Mode | None) == ("letter", "text")
    assert choices(Size | None) == ("2048",)
    assert choices(Layers) == ("auto",)
    assert choices(bool) == ("true", "false")
    assert choices(str) == ()
