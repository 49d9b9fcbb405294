"""LiveCodeBench: tests that are unpacked without being executed, a window of dates, and programs in the sandbox."""

import asyncio
import base64
import hashlib
import json
import os
import pickle
import zlib

import pytest

from evalkit.core import Reply, UsageError
from evalkit.sandbox import usable_engine
from evalkit.scoring.scorers.code import same_decimals

# sha256 of SYSTEM_MESSAGE_GENERIC, a blank line and get_generic_question_template_answer of
# LiveCodeBench/LiveCodeBench at 28fef95ea8c9f7a547c8329f2cd3d32b92c1fa24, without and with starter code.
PROMPTS = (
    "f30261ca6fb4a6ef4be2e06168a7a04c4847b226e5dca5a790a5ffb1ac5e0842",
    "3081893560db8def2314130d023c2dd0facf1248b046023a44309fe2ea35965d",
)
STARTER = "class Solution:\n    def double(self, x: int) -> int:\n        "


def packed(tests):
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(tests)))).decode()


def problem(number, day, private, **more):
    return {
        "question_title": f"Problem {number}",
        "question_content": "Do it.",
        "platform": "atcoder",
        "question_id": f"p{number}",
        "contest_id": "c",
        "contest_date": f"{day}T00:00:00",
        "starter_code": "",
        "difficulty": "easy",
        "public_test_cases": json.dumps([{"input": "1\n", "output": "2\n", "testtype": "stdin"}]),
        "private_test_cases": private,
        "metadata": "{}",
        **more,
    }


CALL = {
    "starter_code": STARTER,
    "public_test_cases": json.dumps([{"input": "[1, 2]\n3", "output": "[1, 2, 3]", "testtype": "functional"}]),
    "metadata": json.dumps({"func_name": "double"}),
    "difficulty": "hard",
}
ROWS = [
    problem(1, "2024-08-01", packed([{"input": "5\n", "output": "10\n", "testtype": "stdin"}])),
    problem(2, "2024-09-01", json.dumps([{"input": "7\n", "output": "14.0", "testtype": "stdin"}])),
    problem(3, "2025-01-01", packed([{"input": "[]\n0", "output": "[0]", "testtype": "functional"}]), **CALL),
]


@pytest.fixture
def lcb(over):
    name = "livecodebench/code_generation_lite/default/test"
    return lambda spec="livecodebench", rows=ROWS: over(spec, {name: rows})


def test_public_and_private_tests_are_read_however_they_are_written(lcb):
    first, second, third = (sample.data for sample in lcb().samples())
    assert (first["inputs"], first["outputs"]) == (["1\n", "5\n"], ["2\n", "10\n"])
    assert (second["inputs"], second["outputs"]) == (["1\n", "7\n"], ["2\n", "14.0"])
    assert "zip([[[1, 2], 3], [[], 0]], [[1, 2, 3], [0]])" in third["tests"]
    assert third["entry"] == "Solution"


class Harmful:
    def __reduce__(self):
        return os.system, ("touch PATH",)


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_that_does_more_than_hold_a_text_is_refused_and_not_run(lcb, tmp_path, monkeypatch, protocol):
    touched = tmp_path / "touched"
    monkeypatch.setattr(Harmful, "__reduce__", lambda self: (os.system, (f"touch {touched}",)))
    harmful = base64.b64encode(zlib.compress(pickle.dumps(Harmful(), protocol))).decode()
    with pytest.raises(ValueError, match="holds more than a text"):
        lcb(rows=[problem(1, "2024-08-01", harmful)]).samples()
    assert not touched.exists()


@pytest.mark.parametrize("value", [["a"], 5, None, {"a": "b"}, b"bytes", ("a", "b")])
def test_a_pickle_of_anything_but_a_text_is_refused(lcb, value):
    written = base64.b64encode(zlib.compress(pickle.dumps(value))).decode()
    with pytest.raises(ValueError, match="pickle of the private tests holds"):
        lcb(rows=[problem(1, "2024-08-01", written)]).samples()


@pytest.mark.parametrize("written", ["not base64!", base64.b64encode(b"no zlib").decode(), packed({"a": 1}), "[1]"])
def test_tests_that_cannot_be_read_are_told(lcb, written):
    with pytest.raises(ValueError, match=r"neither JSON nor compressed|no list of inputs"):
        lcb(rows=[problem(1, "2024-08-01", written)]).samples()


@pytest.mark.parametrize(
    ("spec", "asked"),
    [
        ("livecodebench,start=2024-08-02", ["p2", "p3"]),
        ("livecodebench,start=2024-08-01,end=2024-09-01", ["p1", "p2"]),
        ("livecodebench,difficulty=hard", ["p3"]),
    ],
)
def test_a_window_of_dates_and_a_difficulty(lcb, spec, asked):
    assert [sample.id for sample in lcb(spec).samples()] == asked


def test_a_date_that_is_none_is_told(lcb):
    with pytest.raises(UsageError, match="start is not a date"):
        lcb("livecodebench,start=August")


@pytest.mark.parametrize(("place", "wanted"), [(0, PROMPTS[0]), (2, PROMPTS[1])])
def test_the_prompt_is_the_publishers_byte_for_byte(lcb, place, wanted):
    system, user = (message.content for message in lcb().samples()[place].input)
    said = user.replace("Do it.", "{question}").replace(STARTER, "{starter}")
    assert hashlib.sha256(f"{system}\n\n{said}".encode()).hexdigest() == wanted


@pytest.mark.parametrize(
    ("printed", "wanted", "same"),
    [
        ("1 2\n3\n", "1 2 \n 3", True),
        ("1.0 2", "1 2.00", True),
        ("0.1000001", "0.1", False),
        ("1\n\n2", "1\n2", False),
        ("1 2", "1\n2", False),
        ("yes", "Yes", False),
        ("yes 1.0", "yes 1", False),
        ("", "", True),
    ],
)
def test_outputs_are_compared_as_by_the_authors(printed, wanted, same):
    """The oracle is grade_stdio of the authors' testing_util.py."""
    assert same_decimals(printed, wanted) is same


@pytest.mark.slow("runs programs in the sandbox")
def test_programs_are_run_on_every_test(lcb):
    try:
        usable_engine()
    except UsageError as error:
        pytest.skip(f"programs cannot be isolated here: {error.found}")
    loaded = lcb()
    [scorer] = loaded.task.scorers
    assert scorer.ready is not None
    ready = scorer.ready(False)

    def passed(place, code):
        reply = Reply((f"First\n```python\nprint(0)\n```\nthen\n```python\n{code}\n```",), ("stop",))
        return asyncio.run(ready.score(loaded.samples()[place], (reply,)))[0].value

    assert passed(0, "print(2 * int(input()))") == 1.0
    assert passed(0, "print(2)") == 0.0
    # What the authors import ahead of a program is there.
    assert passed(1, "print(floor(2 * int(sys.stdin.readline())))") == 1.0
    joined = "class Solution:\n    def double(self, a: List[int], b: int) -> List[int]:\n        return tuple([*a, b])"
    assert passed(2, joined) == 1.0
    assert passed(2, joined.replace("[*a, b]", "[*a]")) == 0.0
