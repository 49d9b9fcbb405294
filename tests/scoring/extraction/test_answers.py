"""Answers read out of replies: numbers, letters of options, matches of a pattern."""

from __future__ import annotations

import re

import pytest

from evalkit.scoring.extraction import as_number, last_boxed, last_number, last_word_number, matched, option_letter
from evalkit.scoring.extraction.boxed import last_box
from evalkit.scoring.extraction.math_text import math_text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18", 18.0),
        ("$1,080.50", 1080.5),
        ("-$5", -5.0),
        ("−3", -3.0),
        ("1,000,000.", 1e6),
        ("50%", 0.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1 080", 1080.0),
        ("1,08", None),
        ("18 dollars", None),
        ("1.2.3", None),
        ("", None),
        ("-", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_a_written_number_and_nothing_else(text, value):
    assert as_number(text) == value


def test_the_last_thing_that_looks_like_a_number():
    assert last_number("She has 3 eggs, so $1,080.") == "$1,080."
    assert last_number("no digits") is None
    # As lm-evaluation-harness' pattern has it, two marks are enough.
    assert last_number("18 and so on...") == "..."


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("I count twenty-one apples", "21"),
        ("first three, then one hundred and five", "105"),
        ("two thousand three hundred", "2300"),
        ("one million two hundred thousand and six", "1200006"),
        ("Zero.", "0"),
        ("someone often", None),
    ],
)
def test_numbers_in_words(text, digits):
    assert last_word_number(text) == digits


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("First (A), no: (C).", "(C)"),
        ("I take the Red Fox!", "(B)"),
        ("the red, I think", "(A)"),
        ("Answer: B", "(B)"),
        ("Answer: D", None),
        ("none of them", None),
    ],
)
def test_the_option_that_a_reply_names(text, letter):
    assert option_letter(text, ["red", "red fox", "blue"]) == letter


def test_no_options_no_letter():
    assert option_letter(": A", []) is None


def test_the_first_group_that_holds_something():
    assert matched(re.compile(r"(x)|(y+)"), "yy x", "first") == "yy"
    assert matched(re.compile(r"(x)|(y+)"), "yy x", "last") == "x"
    assert matched(re.compile(r" (\d*) "), "a   b") is None
    assert matched(re.compile("z"), "a") is None


@pytest.mark.parametrize(
    ("text", "box"),
    [
        (r"so \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        (r"\boxed{1} then \boxed{2}", "2"),
        (r"$\boxed 5$ done", "5"),
        (r"\fbox{7}", "7"),
        (r"\boxed{1", None),
        (r"\boxed{}", ""),
        ("none", None),
    ],
)
def test_the_last_box(text, box):
    assert last_boxed(text) == box


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("\\boxed{4}\nI put my final answer within \\boxed{}.", "4"),
        ("The form is \\boxed{ }: \\boxed{7}", "7"),
        ("\\boxed{}", None),
        ("\\boxed {\n}", None),
        ("\\boxed{3} and \\boxed{4", None),
    ],
)
def test_an_empty_box_is_no_answer(text, box):
    assert last_box(text).value == box


def test_mathematics_is_read_of_a_box_that_holds_some():
    assert math_text("\\boxed{4}. It stands within \\boxed{}.").startswith("\\boxed{4}")
