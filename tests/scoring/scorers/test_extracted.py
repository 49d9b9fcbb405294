"""Scorers that read an answer out of a longer reply: by a pattern, and as a number with a tolerance."""

from __future__ import annotations

import math
import random

import pytest

from evalkit.core import Reply, Sample, UsageError, Validity
from evalkit.plugins.named import scorers
from evalkit.scoring.scorers import numeric, regex_match

NUMBER = r"answer is (-?[\d,.]+)"


@pytest.mark.parametrize(
    ("said", "value", "answer", "validity"),
    [
        ("The answer is 1,000.", 1.0, "1000", Validity.OK),
        ("The answer is 7, no, the answer is 1000", 0.0, "7", Validity.OK),
        ("It is 1000.", 0.0, None, Validity.NO_ANSWER),
        ("", 0.0, None, Validity.NO_ANSWER),
        ("<think>The answer is 1000", 0.0, None, Validity.CUT_THOUGHT),
        ("<think>The answer is 7</think>The answer is 1000", 1.0, "1000", Validity.OK),
    ],
)
def test_the_first_match_is_the_answer(scored, said, value, answer, validity):
    scorer = regex_match(pattern=NUMBER, name="strict", ignore=(",", r"\.$"))
    found = scored(scorer, Sample("1", "q", targets=("1000",)), said)["strict"]
    assert (found.value, found.answer, found.validity) == (value, answer, validity)


def test_the_last_match_where_asked(scored):
    scorer = regex_match(pattern=r"\d+", pick="last")
    assert scored(scorer, Sample("1", "q", targets=("2",)), "1 and 2")["regex_match"].value == 1.0


def test_no_answer_in_a_cut_reply_is_for_its_length(scored):
    cut = Reply(texts=("so it",), finish=("length",))
    found = scored(regex_match(pattern=NUMBER), Sample("1", "q", targets=("2",)), cut)["regex_match"]
    assert (found.value, found.validity) == (0.0, Validity.LENGTH)


def test_from_yaml_with_what_it_is_in_the_signature():
    scorer = scorers.by_name("regex_match", pattern="x+", pick="last", ignore=["y"], ignore_case=True)
    assert scorer.settings == {"pattern": "'x+'", "pick": "last", "ignore": "('y',)", "ignore_case": "yes"}
    with pytest.raises(UsageError, match="not a regular expression"):
        regex_match(pattern="(")


@pytest.mark.parametrize(
    ("target", "said", "settings", "value"),
    [
        ("1080", "She makes $1,080.00.", {}, 1.0),
        ("1080", "1,080", {}, 1.0),
        ("3.14", "about 3.1416", {}, 0.0),
        ("3.14", "about 3.1416", {"absolute": 0.01}, 1.0),
        ("3.14", "about 3.1416", {"relative": 0.0001}, 0.0),
        ("200", "first 5, then 199", {"relative": 0.01}, 1.0),
        ("0.5", "50%", {}, 1.0),
        ("-4", "it is -4", {}, 1.0),
    ],
)
def test_numbers_within_a_tolerance(scored, target, said, settings, value):
    assert scored(numeric(**settings), Sample("1", "q", targets=(target,)), said)["numeric"].value == value


def test_tolerance_equals_math_isclose_one_sided(scored):
    """Python's own comparison is the oracle; its relative tolerance is of the larger of both, ours of the target."""
    rng = random.Random(1)
    for _ in range(400):
        target = round(rng.uniform(-50, 50), 2)
        said = round(target + rng.choice((0, 0.01, -0.02, 0.5, 3)) * rng.random(), 4)
        absolute = rng.choice((0.0, 0.005, 0.1, 1.0))
        found = scored(numeric(absolute=absolute), Sample("1", "q", targets=(f"{target}",)), f"= {said}")[
            "numeric"
        ].value
        assert found == float(math.isclose(said, target, rel_tol=0.0, abs_tol=absolute))


def test_no_number_is_no_answer_and_a_target_must_be_one(scored):
    found = scored(numeric(), Sample("1", "q", targets=("4",)), "four")["numeric"]
    assert (found.value, found.validity) == (0.0, Validity.NO_ANSWER)
    with pytest.raises(ValueError, match="'four' is not a number"):
        scored(numeric(), Sample("1", "q", targets=("four",)), "4")
    with pytest.raises(UsageError, match="0 or more"):
        numeric(absolute=-1.0)


@pytest.mark.parametrize(
    ("said", "target", "right"),
    [
        ("It is 50%.", "50%", 1.0),
        ("It is 50.", "50%", 1.0),
        ("It is 0.5.", "50%", 1.0),
        # A target without a sign is a proportion up to 1, and a number of per cent above.
        ("It is 50%.", "0.5", 1.0),
        ("It is 50%.", "50", 1.0),
        ("It is 0.5%.", "0.5", 0.0),
        ("It is 1%.", "1", 0.0),
        ("It is 5000%.", "50", 0.0),
        ("It is 12,5.", "12.5", 0.0),
        ("The answer is 7, in 3 steps.", "7", 1.0),
        ("The answer is −7.", "7", 0.0),
    ],
)
def test_percentages_are_compared_as_the_target_has_them(scored, said, target, right):
    assert scored(numeric(), Sample("1", "q", targets=(target,)), said)["numeric"].value == right


def test_a_number_that_may_be_two_is_unreadable(scored):
    found = scored(numeric(), Sample("1", "q", targets=("12.5",)), "It is 12,5.")["numeric"]
    assert (found.value, found.validity) == (0.0, Validity.UNREADABLE)


@pytest.mark.parametrize(
    ("said", "target", "right"),
    [
        ("3 million", "3000000", 1.0),
        ("3 million", "3", 1.0),
        ("3 million", "30", 0.0),
        ("3 million", "3.0e12", 0.0),
        ("2 dozen", "24", 1.0),
        ("1.5 thousand", "1500", 1.0),
    ],
)
def test_a_word_of_scale_counts_unless_the_target_is_in_that_unit(scored, said, target, right):
    """The oracle is the question that has such a target: "How many people?", "How many million people?"."""
    assert scored(numeric(), Sample("1", "q", targets=(target,)), said)["numeric"].value == right
