"""A field of the JSON in a reply. The oracle is the text that the model meant, LaTeX with its single backslashes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.core import Validity
from evalkit.scoring.extraction.json_fields import json_field


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'{"answer": "\frac{1}{2}"}', r"\frac{1}{2}"),
        (r'{"answer": "\\frac{1}{2}"}', r"\frac{1}{2}"),
        (r'{"answer": "\sqrt{2}"}', r"\sqrt{2}"),
        (r'{"answer": "2\times 3 \neq 7"}', r"2\times 3 \neq 7"),
        (r'{"answer": "\theta, \beta, \rho, \tan(x)"}', r"\theta, \beta, \rho, \tan(x)"),
        (r'{"answer": "\text{B}"}', r"\text{B}"),
        (r'{"answer": "\underline{x}"}', r"\underline{x}"),
        (r'{"answer": "a\nan example\tand\ta tan example"}', "a\nan example\tand\ta tan example"),
        (r'{"answer": "one\nright\nangle\tau\ttan x"}', "one\nright\nangle\tau\ttan x"),
        (r'{"answer": "say \"hi\" \u00e9"}', 'say "hi" é'),
        (r'{"answer": "it\'s B"}', "it's B"),
        ("{'answer': 'B'}", "B"),
        ("{'reason': 'it\\'s', 'answer': 'it\\'s B'", "it's B"),
    ],
)
def test_a_text_is_what_the_model_meant(text: str, value: str) -> None:
    assert json_field(text, "answer").value == value


def test_a_single_quoted_value_that_is_broken_off_is_unreadable() -> None:
    assert json_field("{'answer': 'it is", "answer").validity is Validity.UNREADABLE


@given(st.text(alphabet="abntr \n\t\"{}'", max_size=12))
def test_what_json_writes_is_read_as_it_was(value: str) -> None:
    """With the backslashes of JSON's own writer; what begins as a command of LaTeX is left out of the alphabet."""
    assert json_field(json.dumps({"answer": value}), "answer").value == value
