"""What `name,key=value` means, and what is suggested for a typing error."""

from __future__ import annotations

import pytest

from evalkit.core import UsageError
from evalkit.core.spec import Spec, nearest, parse, unknown


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ("tiny", "tiny", {}),
        ("mmlu,subject=anatomy", "mmlu", {"subject": "anatomy"}),
        ("hf/./my/model,dtype=float32,chat=on", "hf/./my/model", {"dtype": "float32", "chat": "on"}),
        ("hf//abs/path", "hf//abs/path", {}),
        ("hf/a=b", "hf/a=b", {}),
        ("hf/x,system=a=b", "hf/x", {"system": "a=b"}),
        ("hf/x,system=Be brief, and kind.,chat=on", "hf/x", {"system": "Be brief, and kind.", "chat": "on"}),
        ("hf/x,system=", "hf/x", {"system": ""}),
        ("x, key = value , other=1", "x", {"key": "value", "other": "1"}),
        ("x,map={a=1,b=2},n=3", "x", {"map": "{a=1,b=2}", "n": "3"}),
        ("x,system='a,b=c',n=3", "x", {"system": "'a,b=c'", "n": "3"}),
        ("x,system=don't,n=3", "x", {"system": "don't", "n": "3"}),
        ("my,folder/name,n=1", "my,folder/name", {"n": "1"}),
    ],
)
def test_spec_text_is_a_name_and_options(text: str, name: str, options: dict[str, str]) -> None:
    assert parse(text) == Spec(name, options)


@pytest.mark.parametrize("text", ["", "  ", ",a=1", "a=1"])
def test_a_spec_without_a_name_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="name is missing"):
        parse(text)


def test_an_option_given_twice_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="'n' is given twice"):
        parse("x,n=1,n=2")


def test_a_spec_prints_as_it_was_typed() -> None:
    assert str(parse("hf/x,dtype=float32,chat=on")) == "hf/x,dtype=float32,chat=on"


def test_the_nearest_name_ignores_case_and_needs_some_likeness() -> None:
    assert nearest("mlmu", ["mmlu", "gsm8k"]) == "mmlu"
    assert nearest("MMLU", ["mmlu", "gsm8k"]) == "mmlu"
    assert nearest("wikitext", ["mmlu", "gsm8k"]) is None


def test_an_unknown_name_is_answered_with_a_suggestion() -> None:
    error = unknown("task", "mlmu", ["mmlu", "gsm8k"])
    assert error.wrong == "no task named 'mlmu'"
    assert error.fix == "did you mean 'mmlu'?"


def test_an_unknown_name_like_no_other_is_answered_with_what_there_is() -> None:
    assert unknown("task", "zzz", ["b", "a"]).fix == "one of a, b"
    assert unknown("task", "zzz", []).fix == "there is no task to choose from"
    assert "and 3 more" in unknown("task", "zzz", [f"name{i:02}" for i in range(15)]).fix
