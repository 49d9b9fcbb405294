"""APPS: programs that read standard input, and functions that are called, over rows of its shape."""

from __future__ import annotations

import asyncio
import json

import pytest

from evalkit.core import UsageError
from evalkit.runs.runner import Settings, prepare
from evalkit.runs.runner.gold_check import GoldModel, check
from evalkit.sandbox import usable_engine
from tests.tasks.loading import task_of

READS = "n = int(input())\nprint(sum(map(int, input().split()[:n])))"
ROWS = [
    {
        "problem_id": 1,
        "question": "Add the numbers.",
        "solutions": json.dumps([READS]),
        "input_output": json.dumps({"inputs": ["3\n1 2 3\n", "1\n5\n"], "outputs": ["6\n", "5 \n"]}),
        "difficulty": "introductory",
        "url": "",
        "starter_code": "",
    },
    {
        "problem_id": 2,
        "question": "Double it.",
        "solutions": json.dumps(["class Solution:\n    def twice(self, x):\n        return 2 * x"]),
        "input_output": json.dumps({"fn_name": "twice", "inputs": [[2], [0]], "outputs": [4, [0]]}),
        "difficulty": "interview",
        "url": "",
        "starter_code": "class Solution:\n    def twice(self, x: int) -> int:",
    },
    {
        "problem_id": 3,
        "question": "Reverse it.",
        "solutions": json.dumps(["def back(s):\n    return s[::-1]"]),
        "input_output": json.dumps({"fn_name": "back", "inputs": [["ab"]], "outputs": [["ba"]]}),
        "difficulty": "interview",
        "url": "",
        "starter_code": "",
    },
]


@pytest.fixture
def prepared(tmp_path):
    try:
        usable_engine()
    except UsageError as error:
        pytest.skip(f"programs cannot be isolated here: {error.found}")
    path = tmp_path / "problems.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return prepare(task_of(f"apps,files={path},form=completion"), "apps", "", GoldModel(), Settings())


def test_the_first_solution_of_each_problem_passes(prepared):
    found = asyncio.run(check(prepared))
    assert (found.samples, found.problems) == (3, [])


@pytest.mark.parametrize(
    ("number", "wrong"), [(0, "print(6)"), (1, "class Solution:\n    def twice(self, x): return 4")]
)
def test_a_program_that_is_right_on_the_first_input_alone_fails(prepared, number, wrong):
    from evalkit.core import Reply

    sample = [work.attempt.sample for work in prepared.work()][number]
    (scorer,) = prepared.task.scorers
    reply = Reply(texts=(wrong,), finish=("stop",))
    assert asyncio.run(scorer.score(sample, (reply,)))[0].value == 0.0


def test_the_prompt_says_how_to_answer(prepared):
    prompts = [work.attempt.prompt.text for work in prepared.work()]
    assert prompts[0] == "\nQUESTION:\nAdd the numbers.\nUse Standard Input format\nANSWER:\n"
    assert "def twice(self, x: int) -> int:\nUse Call-Based format\nANSWER:\n" in prompts[1]
    assert [work.attempt.sample.groups for work in prepared.work()][1] == ("interview",)
