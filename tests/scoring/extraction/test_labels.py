"""Which label a reply means. The oracle is what a person reads; a reply that is a label is that label."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.core import Validity
from evalkit.scoring.extraction.labels import label

REPLIES = [
    ("The sentiment is positive.", ("positive", "negative", "neutral"), "positive"),
    ("Sentiment: Positive", ("positive", "negative", "neutral"), "positive"),
    ("I'd classify this as negative.", ("positive", "negative", "neutral"), "negative"),
    ("It's neither positive nor negative", ("positive", "negative", "neutral"), None),
    ("It's neither positive nor negative; it is neutral.", ("positive", "negative", "neutral"), "neutral"),
    ("positive/negative", ("positive", "negative", "neutral"), None),
    ("Positive sentiment", ("positive", "negative", "neutral"), "positive"),
    ("**Negative**", ("positive", "negative", "neutral"), "negative"),
    ('"neutral"', ("positive", "negative", "neutral"), "neutral"),
    ("The review is not negative but positive.", ("positive", "negative", "neutral"), "positive"),
    ("NEGATIVE\n\nThe review says positive things but", ("positive", "negative", "neutral"), "negative"),
    ("negative.", ("positive", "negative", "neutral"), "negative"),
    ("Answer: negative", ("positive", "negative", "neutral"), "negative"),
    ("\\boxed{negative}", ("positive", "negative", "neutral"), "negative"),
    ("<b>negative</b>", ("positive", "negative", "neutral"), "negative"),
    ("label = negative", ("positive", "negative", "neutral"), "negative"),
    ("Die Stimmung ist negative", ("positive", "negative", "neutral"), "negative"),
    ("", ("positive", "negative", "neutral"), None),
    ("I can't tell", ("positive", "negative", "neutral"), None),
    ("non-toxic", ("toxic", "non-toxic"), "non-toxic"),
    ("This is non-toxic.", ("toxic", "non-toxic"), "non-toxic"),
    ("nontoxic", ("toxic", "non-toxic"), None),
    ("not toxic", ("toxic", "non-toxic"), None),
    ("Toxic", ("toxic", "non-toxic"), "toxic"),
    ("non toxic", ("toxic", "non-toxic"), "non-toxic"),
    ("Yes.", ("yes", "no"), "yes"),
    ("No", ("yes", "no"), "no"),
    ("No, because yes would be wrong", ("yes", "no"), "no"),
    ("The answer is yes.", ("yes", "no"), "yes"),
    ("yes and no", ("yes", "no"), None),
    ("Nope", ("yes", "no"), None),
    ("There is no doubt: yes", ("yes", "no"), None),
    ("Yes, there is no doubt.", ("yes", "no"), "yes"),
    ("**Yes**, it does.", ("yes", "no"), "yes"),
    ("1", ("0", "1"), "1"),
    ("(1)", ("0", "1"), "1"),
    ("Label: 0", ("0", "1"), "0"),
    ("1.", ("0", "1"), "1"),
    ("1 (spam)", ("0", "1"), "1"),
    ("10", ("0", "1"), None),
    ("0.5", ("0", "1"), None),
    ("The label is 1, not 0.", ("0", "1"), "1"),
    ("-1", ("0", "1"), None),
    ("Contradiction", ("entailment", "neutral", "contradiction"), "contradiction"),
    ("The relation is entailment.", ("entailment", "neutral", "contradiction"), "entailment"),
    ("This is a contradiction, not an entailment", ("entailment", "neutral", "contradiction"), "contradiction"),
    ("5 stars", ("1 star", "2 stars", "5 stars"), "5 stars"),
    ("5 star", ("1 star", "2 stars", "5 stars"), None),
    ("I give it 5 stars!", ("1 star", "2 stars", "5 stars"), "5 stars"),
    ("＋", ("+", "-"), "+"),
    ("−", ("+", "-"), "-"),
    ("5%", ("5", "5%"), "5%"),
    ("5", ("5", "5%"), "5"),
    ("5.", ("5", "5%"), "5"),
    ("c#", ("C", "C++", "C#"), "C#"),
    ("f", ("F", "f"), "f"),
    ("F", ("F", "f"), "F"),
    ("a/b", ("a/b", "a"), "a/b"),
    ("N/A", ("N/A", "A"), "N/A"),
    ("A", ("N/A", "A"), "A"),
    ("true", ("True", "False"), "True"),
    ("It's False.", ("True", "False"), "False"),
    ("not true", ("True", "False"), None),
    ("$x$", ("x", "y"), "x"),
    ("x > y", (">", "<"), None),
    ("=", ("<", ">", "="), "="),
    ('"="', ("<", ">", "="), "="),
    ("The sign is <", ("<", ">"), None),
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
