"""Exact match. `tests/scoring/extraction` compares its normal form with lm-eval's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from evalkit.core import Reply, Sample, Score, UsageError, Validity
from evalkit.scoring.scorers import exact_match

Scored = Callable[..., dict[str, Score]]
PARIS = Sample("1", "q", targets=("Paris", "City of Light"))


@pytest.mark.parametrize(
    ("settings", "text", "value"),
    [
        ({}, "Paris", 1.0),
        ({}, " Paris\n", 1.0),
        ({}, "City of Light", 1.0),
        ({}, "paris", 0.0),
        ({}, "Paris.", 0.0),
        ({"ignore_case": True}, "PARIS", 1.0),
        ({"ignore_punctuation": True}, "Par-is!", 1.0),
        ({"ignore": (r"^It is ", r"\.$")}, "It is Paris.", 1.0),
        ({"ignore": (r"^it is ",), "ignore_case": True}, "It is Paris", 0.0),
        ({"ignore_case": True}, "the city of light", 0.0),
        ({"strip": "left"}, " Paris", 1.0),
        ({"strip": "left"}, "Paris ", 0.0),
        ({"strip": "none"}, " Paris", 0.0),
        ({}, "<think>London?</think>Paris", 1.0),
    ],
)
def test_exact_match(scored: Scored, settings: dict[str, Any], text: str, value: float) -> None:
    assert scored(exact_match(**settings), PARIS, text)["exact_match"].value == value


def test_patterns_apply_to_the_targets_too(scored: Scored) -> None:
    sample = Sample("1", "q", targets=("$1,000",))
    assert scored(exact_match(ignore=(",", r"\$")), sample, "1000")["exact_match"].value == 1.0


def test_answer_is_what_was_compared(scored: Scored) -> None:
    assert scored(exact_match(ignore_case=True), PARIS, " PARIS ")["exact_match"].answer == "paris"


def test_validity_of_replies(scored: Scored) -> None:
    found = [
        scored(exact_match(), PARIS, Reply(texts=(text,), finish=(finish,)))["exact_match"]
        for text, finish in [("Paris", "length"), ("", "stop"), ("<think>Paris", "length")]
    ]
    assert [(score.value, score.validity) for score in found] == [
        (1.0, Validity.LENGTH),
        (0.0, Validity.NO_ANSWER),
        (0.0, Validity.CUT_THOUGHT),
    ]
    assert "reasoning" in found[2].reason


def test_settings_state_what_is_not_the_default() -> None:
    assert exact_match().settings == {}
    assert exact_match(ignore=("a,b",), ignore_case=True, strip="left").settings == {
        "ignore": "('a,b',)",
        "ignore_case": "yes",
        "strip": "left",
    }


def test_a_broken_pattern_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="regular expression"):
        exact_match(ignore=("(",))


def test_a_string_is_no_list_of_patterns() -> None:
    with pytest.raises(UsageError, match="list of patterns"):
        exact_match(ignore="abc")  # type: ignore[arg-type]


def test_a_sample_without_targets_raises(scored: Scored) -> None:
    with pytest.raises(ValueError, match="targets"):
        scored(exact_match(), Sample("1", "q"), "x")
