"""The number that a reply gives. The oracle is the value that the sentence states, wherever it stands."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.core import Validity
from evalkit.scoring.extraction.numbers import number

REPLIES = [
    ("50%", 0.5),
    ("The answer is 50%.", 0.5),
    ("The answer is **50%**", 0.5),
    ("1.5e-3", 0.0015),
    ("The value is 1.5e-3.", 0.0015),
    ("−5", -5),
    ("The answer is −5.", -5),
    ("It is 42...", 42),
    ("So it is 42.\n\n...", 42),
    ("12,", 12),
    ("the years 2010-2015", 2015),
    ("1\u202f234", 1234),
    ("Total: 1\u202f234", 1234),
    ("１２", 12),
    ("The answer is $42$.", 42),
    ("\\(x = 7\\)", 7),
    ("\\boxed{1{,}234}", 1234),
    ("$1,234.00", 1234),
    ("It costs $1,234.00.", 1234),
    ("(42).", 42),
    ("42!", 42),
    ("29.00", 29),
    ("x = -5", -5),
    ("x=-5", -5),
    ("(-5)", -5),
    ("5-3", 3),
    ("It is -$5", -5),
    ("-$1,234.5", -1234.5),
    ("$-5", -5),
    ("€ 5", 5),
    ("5 €", 5),
    ("5€", 5),
    ("1.234,56", 1234.56),
    ("1.234.567", 1234567),
    ("1'234", 1234),
    ("1’234’567.5", 1234567.5),
    ("12,34,567", 1234567),
    ("1_000", 1000),
    ("1 234 567", 1234567),
    ("La réponse est 1 080.", 1080),
    ("1 080", 1080),
    ("1.5×10^-3", 0.0015),
    ("1.5 \\times 10^{-3}", 0.0015),
    ("1.5·10⁻³", 0.0015),
    ("$1.5\\times10^{-3}$", 0.0015),
    ("2^10", 1024),
    ("2^{10}", 1024),
    ("2¹⁰", 1024),
    ("The area is 25 m²", 25),
    ("The area is 25 m^2.", 25),
    ("H2O", None),
    ("x_2 = 7", 7),
    ("$x_{2}=7$", 7),
    ("x2", None),
    ("3/4", 0.75),
    ("\\frac{3}{4}", 0.75),
    ("\\boxed{\\frac{1}{2}}", 0.5),
    ("2 2/3", 2.6666666666666665),
    ("$2\\frac{2}{3}$", 2.6666666666666665),
    ("10/12/2020", None),
    ("12,5", None),
    ("1.2.3", None),
    ("12:30", None),
    ("±2", None),
    ("The answer is 42. I used 3 steps.", 42),
    ("The answer is 2 + 3 = 5.", 5),
    ("The answer is 12 (3 × 4).", 12),
    ("#### 18", 18),
    ("So 3*4=12\n#### 12\nQuestion: next 7", 12),
    ("Answer: 42\n\nQuestion: x?\nAnswer: 7", 42),
    ("one of the reasons", None),
    ("no number", None),
    ("", None),
    ("१२३", 123),
    ("উত্তর হল 18", 18),
    ("答案是18。", 18),
    ("答えは1,080円です", 1080),
    ("정답은 18입니다.", 18),
    ("٣٫٥", 3.5),
    ("১৮", 18),
    ("คำตอบคือ 18", 18),
    ("Ответ: 1 234,5", 1234.5),
    ("I think \\boxed{1}. No, \\boxed{2}", 2),
    ("**Answer: 7**", 7),
    ("7 apples", 7),
    ("She pays 3 × $5 = $15 in total.", 15),
    ("5kg", 5),
    ("It takes 3rd place", 3),
    (".5", 0.5),
    ("$.50", 0.5),
    ("+7", 7),
    ("- 5", -5),
    ("x = - 5", -5),
    ("x = −\u20095", -5),
    ("minus 5", 5),
    ("-0", 0),
    ("100 %", 1),
    ("50 percent", 0.5),
    ("12.", 12),
    ('"12"', 12),
    ("[12]", 12),
    ("{12}", 12),
    ("`12`", 12),
    ("＄１２", 12),
    ("1e400", None),
    ("R$ 5", 5),
    ("US$5", 5),
    ("Rs. 500", 500),
    ("2,000,000", 2000000.0),
    ("1,2,3", None),
    ("1, 2, 3", 3),
    ("(1,2)", None),
    ("\\text{42}", 42),
    ("<b>42</b>", 42),
    ("42</s>", 42),
    ("<answer>42</answer>", 42),
    ("The final answer is: $\\boxed{42}$. I hope it is correct.", 42),
    ("Temperature: −12 °C", -12),
    ("–5", -5),
    ("10–20", 20),
    ("Between 10 and 20", 20),
    ("GPT-4", None),
]


@pytest.mark.parametrize(("text", "value"), REPLIES)
def test_the_number_of_a_reply(text: str, value: float | None) -> None:
    found = number(text).value
    if value is None:
        assert found is None
    else:
        assert found is not None and math.isclose(found.plain, value, rel_tol=1e-12)


@pytest.mark.parametrize("text", ["12,5", "The answer is 1.2.3", "at 12:30", "x = ±2", "on 10/12/2020"])
def test_what_may_be_two_numbers_is_unreadable(text: str) -> None:
    assert number(text).validity is Validity.UNREADABLE


@pytest.mark.parametrize("text", ["", "None of them.", "H2O"])
def test_a_reply_without_a_number_is_no_answer(text: str) -> None:
    assert number(text).validity is Validity.NO_ANSWER


WRITTEN = [
    "{}",
    "The answer is {}.",
    "**{}**",
    "\\boxed{{{}}}",
    "It costs ${}.",
    "#### {}",
    "({})",
    "Total: {}!",
    "Die Antwort ist {}.",
    "答案是{}。",
]


@given(st.integers(-(10**9), 10**9), st.sampled_from(WRITTEN), st.sampled_from(["{}", "{:,}", "{:_}"]))
def test_a_whole_number_is_read_however_it_is_written(value: int, sentence: str, form: str) -> None:
    found = number(sentence.format(form.format(value))).value
    assert found is not None and found.value == value
