"""Whether a reply holds its targets, and JSON against JSON; Python's own `in`, `re` and equality are the oracles."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.core import Sample, Score, Validity
from evalkit.scoring.extraction.json import find_json
from evalkit.scoring.scorers import includes, json_match
from evalkit.scoring.scorers.json_fields import same_json

Scored = Callable[..., dict[str, Score]]


@pytest.mark.parametrize(
    ("settings", "targets", "said", "value"),
    [
        ({}, ("Lima",), "It is lima, of course.", 1.0),
        ({"ignore_case": False}, ("Lima",), "It is lima.", 0.0),
        ({}, ("Lima", "Quito"), "Quito", 1.0),
        ({"need": "all"}, ("Lima", "Quito"), "Quito", 0.0),
        ({"need": "all"}, ("Lima", "Quito"), "Quito and Lima", 1.0),
        ({}, ("art",), "the party", 1.0),
        ({"whole_words": True}, ("art",), "the party", 0.0),
        ({"whole_words": True}, ("art",), "the art.", 1.0),
        ({"whole_words": True}, ("C++",), "in C++, mostly", 1.0),
        ({"whole_words": True}, ("C++",), "in C++11", 0.0),
        ({}, ("a.c",), "abc", 0.0),
        ({"refuse": True}, ("secret",), "no", 1.0),
        ({"refuse": True}, ("secret",), "the SECRET", 0.0),
        ({"refuse": True, "need": "all"}, ("a1", "b2"), "only a1", 1.0),
        ({}, (" 猫 ",), "黒猫だ", 1.0),
    ],
)
def test_contains(scored: Scored, settings: dict[str, Any], targets: tuple[str, ...], said: str, value: float) -> None:
    assert scored(includes(**settings), Sample("1", "q", targets=targets), said)["includes"].value == value


def test_contains_equals_pythons_in(scored: Scored) -> None:
    rng = random.Random(1)
    scorer, seen = includes(ignore_case=False), 0
    for _ in range(300):
        target, said = ("".join(rng.choices("ab.*(\\", k=rng.randrange(1, size))) for size in (4, 12))
        found = scored(scorer, Sample("1", "q", targets=(target,)), said)["includes"].value
        assert found == float(target in said)
        seen += int(found)
    assert 50 < seen < 250


def test_an_empty_target_is_refused_and_an_empty_reply_scores_0_even_where_it_holds_nothing(scored: Scored) -> None:
    for targets in ((), ("",), ("a", " ")):
        with pytest.raises(ValueError, match="no targets, or an empty one"):
            scored(includes(), Sample("1", "q", targets=targets), "a")
    empty = scored(includes(refuse=True), Sample("1", "q", targets=("a",)), "")["includes"]
    assert (empty.value, empty.validity) == (0.0, Validity.NO_ANSWER)


# ---------------------------------------------------------------- JSON

PERSON = {"name": "Ada", "born": 1815, "address": {"city": "London", "zip": None}, "tags": ["x", "y"]}


@pytest.mark.parametrize(
    ("settings", "said", "match", "proportion"),
    [
        ({}, json.dumps(PERSON), 1.0, 1.0),
        ({}, json.dumps(PERSON, indent=2), 1.0, 1.0),
        ({}, f"Sure:\n```json\n{json.dumps(PERSON)}\n```\nDone.", 1.0, 1.0),
        ({}, f"The object is {json.dumps(PERSON)} as asked", 1.0, 1.0),
        ({}, json.dumps({**PERSON, "more": 1}), 1.0, 1.0),
        ({"extra": False}, json.dumps({**PERSON, "more": 1}), 0.0, 5 / 6),
        ({}, json.dumps({**PERSON, "born": 1815.0}), 1.0, 1.0),
        ({}, json.dumps({**PERSON, "born": "1815"}), 0.0, 4 / 5),
        ({}, json.dumps({**PERSON, "tags": ["y", "x"]}), 0.0, 4 / 5),
        ({}, json.dumps({**PERSON, "address": {"city": "Paris", "zip": None}}), 0.0, 4 / 5),
        ({}, json.dumps({**PERSON, "address": "London"}), 0.0, 3 / 5),
        ({}, json.dumps({**PERSON, "name": "ADA"}), 0.0, 4 / 5),
        ({"ignore_case": True}, json.dumps({**PERSON, "name": "ADA"}), 1.0, 1.0),
        ({"fields": ("name", "address.city")}, '{"name": "Ada", "address": {"city": "London"}}', 1.0, 1.0),
        ({"fields": ("name", "address.city")}, '{"name": "Ada"}', 0.0, 0.5),
        ({}, "{}", 0.0, 0.0),
        ({}, "[1, 2]", 0.0, 0.0),
        ({}, '{"zip": null}', 0.0, 0.0),
    ],
)
def test_json_match(scored: Scored, settings: dict[str, Any], said: str, match: float, proportion: float) -> None:
    found = scored(json_match(**settings), Sample("1", "q", targets=(json.dumps(PERSON),)), said)
    assert (found["json_match"].value, found["json_fields"].value) == (match, pytest.approx(proportion))


@pytest.mark.parametrize(
    ("said", "validity"),
    [
        ("", Validity.NO_ANSWER),
        ("no JSON", Validity.NO_ANSWER),
        ("see [the page] (or not)", Validity.NO_ANSWER),
        ("{name: Ada}", Validity.UNREADABLE),
        ("{'name': 'Ada'}", Validity.UNREADABLE),
        ("Here: {'name': 'Ada'}", Validity.UNREADABLE),
        ("{" * 5000, Validity.UNREADABLE),
        ("[" * 100_000, Validity.UNREADABLE),
    ],
)
def test_what_is_no_json_is_told_from_json_that_cannot_be_parsed(scored: Scored, said: str, validity: Validity) -> None:
    found = scored(json_match(), Sample("1", "q", targets=("{}",)), said)["json_match"]
    assert (found.value, found.validity) == (0.0, validity)


def test_bad_targets_are_the_tasks_fault(scored: Scored) -> None:
    with pytest.raises(ValueError, match="the target is not JSON"):
        scored(json_match(), Sample("1", "q", targets=("{",)), "{}")
    with pytest.raises(ValueError, match="no field 'nam', only"):
        scored(json_match(fields=("nam",)), Sample("1", "q", targets=('{"name": 1}',)), "{}")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9, width=16) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def plain(value: Any) -> Any:
    """Values whose Python equality is JSON's: true and 1 are told apart."""
    if isinstance(value, bool):
        return f"<{value}>"
    if isinstance(value, list):
        return [plain(item) for item in value]
    return {key: plain(item) for key, item in value.items()} if isinstance(value, dict) else value


@given(VALUES, VALUES)
def test_equality_is_pythons_but_for_true_and_1(one: Any, other: Any) -> None:
    assert same_json(one, other) == (plain(one) == plain(other))
    assert same_json(one, json.loads(json.dumps(one)))


@given(VALUES, st.sampled_from(["{}", "```json\n{}\n```", "Here:\n```\n{}\n```\nbye", "```JSON\n{}\n```"]))
def test_a_value_is_found_in_its_wrapping(value: Any, wrapping: str) -> None:
    written = json.dumps(value)
    if "```" in written and "```" in wrapping:
        return
    assert same_json(find_json(wrapping.replace("{}", written)), value)


@given(st.dictionaries(st.text(max_size=5), VALUES, min_size=1), st.text(alphabet="abc .,:\n", max_size=20))
def test_an_object_is_found_among_words(value: Any, words: str) -> None:
    assert same_json(find_json(words + json.dumps(value) + words), value)


def test_whole_words_equal_a_search_with_word_boundaries(scored: Scored) -> None:
    rng = random.Random(2)
    for _ in range(200):
        target, said = "".join(rng.choices("ab", k=2)), "".join(rng.choices("ab -_1", k=9)) + "b"
        found = scored(includes(whole_words=True), Sample("1", "q", targets=(target,)), said)["includes"].value
        assert found == float(re.search(rf"\b{target}\b", said) is not None)
