"""False credits and misses of math-verify that evalkit guards against. The oracle is arithmetic."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evalkit.core import Sample, Score
from evalkit.scoring.extraction.math_text import math_text
from evalkit.scoring.scorers.math_equal import math_equal

pytest.importorskip("math_verify", reason="the extra `math` is not installed")

Scored = Callable[..., dict[str, Score]]


@pytest.mark.parametrize(
    ("said", "target", "right"),
    [
        # Small numbers, exact and rounded.
        (r"\boxed{10^{-20}}", "10^{-21}", 0.0),
        (r"\boxed{0.0000001}", "0.0000002", 0.0),
        (r"\boxed{e^{-50}}", "e^{-51}", 0.0),
        (r"\boxed{(1,10^{-9})}", "(1,10^{-8})", 0.0),
        (r"\boxed{2^{-98}}", "2^{-98}", 1.0),
        (r"\boxed{0.333333}", r"\frac{1}{3}", 1.0),
        (r"\boxed{1/3}", r"\frac13", 1.0),
        (r"\boxed{\sqrt{8}}", r"2\sqrt2", 1.0),
        (r"\boxed{50\%}", r"50\%", 1.0),
        (r"\boxed{\frac{1}{0}}", r"\frac{2}{0}", 0.0),
        # Mixed numbers.
        ("3 1/2", r"\frac{7}{2}", 1.0),
        ("3 1/2", "3", 0.0),
        (r"\boxed{3\frac{1}{2}}", "3.5", 1.0),
        # Boxes: with a blank, without braces, several.
        (r"\boxed {\frac{1}{2}}", "0.5", 1.0),
        (r"so $\boxed 7$.", "7", 1.0),
        (r"First \boxed{3}, then I see \boxed{4}.", "4", 1.0),
        (r"First \boxed{3}, then I see \boxed{4}.", "3", 0.0),
        (r"\boxed{1} and \boxed{2}", r"\{1,2\}", 1.0),
        # Signs.
        (r"\boxed{−5}", "-5", 1.0),
        (r"\boxed{−5}", "5", 0.0),
        (r"\boxed{１２}", "12", 1.0),
    ],
)
def test_what_is_equal(scored: Scored, said: str, target: str, right: float) -> None:
    assert scored(math_equal(), Sample("1", "q", targets=(target,)), said)["math_verify"].value == right


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2 2/3", "8/3"),
        ("2 3/2", "2 3/2"),
        ("x^2 1/2", "x^2 1/2"),
        ("1/2 3/4", "1/2 3/4"),
        (r"\boxed{1}, no: \boxed{2}.", r"\boxed{2}."),
        (r"\boxed{1}, \boxed{2} and \boxed{3}", r"\boxed{1}, \boxed{2} and \boxed{3}"),
        (r"\boxed{1}. Later \boxed{2}, \boxed{3}", r"\boxed{2}, \boxed{3}"),
        (r"\boxed{1} and \boxed{2", r"\boxed{1} and \boxed{2"),
    ],
)
def test_the_text_that_is_parsed(text: str, read: str) -> None:
    assert math_text(text) == read
