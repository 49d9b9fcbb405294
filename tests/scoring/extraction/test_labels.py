"""Which label a reply means. The oracle is what a person reads; a reply that is a label is that label."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.core import Validity
from evalkit.scoring.extraction.labels import label

REPLIES = [
    ('{"a": 1.0}', ("{}", '{"a": 1}'), None),
    ("It is 1.5.", ("1", "1.5"), "1.5"),
    ("It is 2.5.", ("2", "5"), None),
    ("1", ("-1", "0", "1"), "1"),
    ("-1", ("-1", "0", "1"), "-1"),
    ("−1", ("-1", "0", "1"), "-1"),
    ("The label is -1.", ("-1", "0", "1"), "-1"),
    ("Label: 1", ("-1", "0", "1"), "1"),
    ("C++.", ("C", "C++", "C#"), "C++"),
    ("It is written in C#, I think", ("C", "C++", "C#"), "C#"),
    ("It is written in C.", ("C", "C++", "C#"), "C"),
    ("5 %", ("5", "5 %"), "5 %"),
    ("5", ("5", "5 %"), "5"),
    ("Positive.", ("positive", "negative"), "positive"),
    ("**positive**", ("positive", "negative"), "positive"),
    ("not positive", ("positive", "negative"), None),
    ("This is positive, not negative.", ("positive", "negative"), "positive"),
    ("Sentiment: negative\nThe word positive occurs.", ("positive", "negative"), "negative"),
    ("positive and negative", ("positive", "negative"), None),
    ("not_entailment", ("entailment", "not_entailment"), "not_entailment"),
    ("not entailment", ("entailment", "not_entailment"), "not_entailment"),
    ("entailment", ("entailment", "not_entailment"), "entailment"),
    ("It is an entailment.", ("entailment", "not_entailment"), "entailment"),
    ("yes", ("Yes", "No"), "Yes"),
    ("Yes, because no other fits", ("Yes", "No"), "Yes"),
    ("Positive, negative", ("positive", "negative"), None),
    ("Yes - no doubt", ("yes", "no"), "yes"),
    ("YES", ("yes", "YES"), "YES"),
    ("Yes", ("yes", "YES"), None),
    ("正面", ("正面", "负面"), "正面"),
    ("这是正面的评论", ("正面", "负面"), "正面"),
    ("World", ("World", "Sports", "Business", "Sci/Tech"), "World"),
    ("sci/tech", ("World", "Sports", "Business", "Sci/Tech"), "Sci/Tech"),
    ("Sci-Tech", ("World", "Sports", "Business", "Sci/Tech"), None),
    ("valid", ("valid", "invalid"), "valid"),
    ("The argument is invalid.", ("valid", "invalid"), "invalid"),
    ("The argument is not valid.", ("valid", "invalid"), None),
    ("$x^2$", ("$x^2$", "$x^3$"), "$x^2$"),
    ("10⁻³", ("10⁻³", "10⁻²"), "10⁻³"),
    ("It is 10⁻³ m", ("10⁻³", "10⁻²"), "10⁻³"),
    ("New York", ("York", "New York"), "New York"),
    ("I'd say York", ("York", "New York"), "York"),
    ("<", ("<", ">"), "<"),
    ("'<'", ("<", ">"), "<"),
    ("`<`", ("<", ">"), "<"),
    ("A", ("A", "a"), "A"),
    ("spam\n\nExplanation: not ham", ("spam", "ham"), "spam"),
]


@pytest.mark.parametrize(("text", "labels", "said"), REPLIES)
def test_the_label_that_a_reply_means(text: str, labels: tuple[str, ...], said: str | None) -> None:
    found = label(text, labels)
    assert (None if found.value is None else labels[found.value]) == said
    assert (found.validity is Validity.OK) == (said is not None)


@given(
    st.lists(
        st.text(alphabet="aAbB+-#<>=%51 ", min_size=1).filter(str.strip), min_size=2, max_size=5, unique_by=str.strip
    )
)
def test_a_reply_that_is_a_label_is_that_label(labels: list[str]) -> None:
    for number, one in enumerate(labels):
        assert label(one, labels).value == number
