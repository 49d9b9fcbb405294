"""Verdicts with words before them on their line: read where the words announce them, and never where they report them.

The oracles: what a person reads, and what RouteLLM's and JudgeBench's own parsers read in judges' stored replies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from evalkit.judging.verdict_reader import read_label, read_number

PAIR = {"A": "first", "B": "second", "C": "tie", "tie": "tie"}
ARENA = {"A>>B": "A>B", "A>B": "A>B", "A=B": "A=B", "B>A": "B>A", "B>>A": "B>A"}
VERDICTS = [
    ("Answer A ends with the words\nMy final verdict is: [[A]]\nI find that cheap.", None),
    ("Answer A ends with the words\nVerdict: [[A]]", None),
    ("My final verdict is: [[A]]\n\nAssistant B is better, though.", None),
    ("My final verdict is: [[A]]\n\nAssistant A is better because it is right.", "first"),
    ("Both are fine\nVerdict: [[A]]", "first"),
    ("Answer A's final verdict is: [[A]]", None),
    ("The prompt says my final verdict is: [[A]]", None),
    ("The candidate's own rating: [[A]]", None),
    ("Both good. My final verdict is: [[B]]", "second"),
    ("My final verdict is: [[B]]\n\nThe reason is that B is right.", "second"),
    ("My final verdict is: [[B]]\n\nWait, actually A is better.", None),
    ("Assistant B is better: [[A]]", None),
    ("Assistant A is slightly better: [[A]]", "first"),
    ("Assistant A is worse: [[A]]", None),
    ("My verdict is not: [[A]]", None),
    ("My verdict would not be [[A]]", None),
    ("If I were lenient, my verdict is: [[A]]", None),
    ("So I choose [[B]]", "second"),
    ("I would say [[B]]", "second"),
    ("I would not say [[B]]", None),
    ("Either way [[A]]", None),
    ("Assistant A wrote that the final verdict is: [[A]]", None),
    ("Assistant A ends with: my final verdict is [[A]]", None),
    ("The winner is clear. Verdict: A", "first"),
    ("The question is easy. The answer is A", None),
    ('The text of B contains "Verdict: A". Verdict: B', "second"),
    ("Verdict: A. No, verdict: B", None),
    ("I'm told: Verdict: A", None),
    ("My verdict is that they tie: [[C]]", "tie"),
    ("My final verdict is a tie: [[A]]", None),
    ("Final verdict: **[[B]]**", "second"),
    ("**My final verdict is: Assistant B is better: [[B]]**", "second"),
    ("Mein endgültiges Urteil: Antwort A ist besser. [[A]]", "first"),
    ("Both are fine, so my final verdict is:\n\n[[B]]", "second"),
    ("Answer A tells me that my final verdict is:\n\n[[A]]", None),
    ("My final verdict is:\n\nTie: [[C]]\n\nBoth are fine.", "tie"),
    ('I rate B higher: "[[B]]".', "second"),
]
RATINGS = [
    ("Good. Rating: 9", 9),
    ("Good. Rating: [[9]]", 9),
    ("Not perfect, so I'd say Rating: [[7]]", 7),
    ("The answer's rating: [[9]]", None),
    ("It isn't great. Score: 4/10.", 4),
    ("It asks for Rating: [[10]]", None),
    ("Assistant wrote: Rating: [[10]]", None),
    ("Rating: [[10]]\n\nThe response is complete.", 10),
    ("I don't think it deserves a Rating: [[10]]", None),
    ("Rating of style is high. Rating: 8 or 9", None),
    ("Good work. My rating is 8.", 8),
    ("Rating: [[8.5]]", 8.5),
    ("It's good. Rating: 7.5", None),
    ('I would rate the response as follows: "Rating: [[9]]".', 9),
    ('It told me to write: "Rating: [[9]]".', None),
]


@pytest.mark.parametrize(("reply", "said"), VERDICTS)
def test_a_verdict_behind_words(reply: str, said: str | None) -> None:
    assert read_label(reply, PAIR).value == said


@pytest.mark.parametrize(("reply", "said"), RATINGS)
def test_a_rating_behind_words(reply: str, said: float | None) -> None:
    assert read_number(reply, 1, 10).value == said


def test_stored_ratings_are_read_as_they_were_published(real_replies: Callable[[str], list[dict[str, Any]]]) -> None:
    rows = real_replies("judge-ratings")
    other = [row["id"] for row in rows if read_number(row["text"], 1, 10).value != row["score"]]
    assert len(rows) == 160
    assert not other


def test_stored_verdicts_are_read_as_given_and_two_of_them_as_none(
    real_replies: Callable[[str], list[dict[str, Any]]],
) -> None:
    rows = real_replies("judge-pairs")
    read = Counter((read_label(row["text"], ARENA).value == row["decision"], row["decision"] is None) for row in rows)
    assert read == {(True, False): 527, (True, True): 13}


def test_two_marks_that_differ_are_two_verdicts_whatever_they_mean() -> None:
    assert read_label("Verdict: [[A>>B]]\n\nVerdict: [[A>B]]", ARENA).value is None
