"""code_tests: programs in replies, what becomes of them on a record, and what makes the sandbox refuse or fail."""

from __future__ import annotations

import asyncio
import math

import pytest

from evalkit import sandbox
from evalkit.core import Reply, Sample, Score, UsageError, Validity
from evalkit.prompting.methods.coding import CHAT
from evalkit.sandbox import ProgramOutcome, Result
from evalkit.scoring.scorers import code_tests
from evalkit.scoring.scorers.code import same_output
from tests.scoring.scorers.readiness import ready

PREFIX = 'def twice(x):\n    """Two times x."""\n'
PROBLEM = Sample(
    "p/1", PREFIX, data={"prefix": PREFIX, "tests": "assert twice(2) == 4\nassert twice(0) == 0\n", "entry": "twice"}
)
ECHO = Sample("p/2", "", data={"inputs": ["1 2\n", "3 4\n"], "outputs": ["3\n", "7\n"]})


@pytest.fixture(autouse=True, scope="module")
def _isolation():
    try:
        sandbox.usable_engine()
    except UsageError as error:
        pytest.skip(f"programs cannot be isolated here: {error.found}")


def score(scorer, sample: Sample, *texts: str, finish: str = "stop", notes: tuple[str, ...] = ()) -> dict[str, Score]:
    reply = Reply(texts=texts, finish=(finish,) * len(texts), notes=notes)
    return {found.name: found for found in asyncio.run(ready(scorer, False).score(sample, (reply,)))}


def test_a_text_goes_on_where_the_prefix_ends():
    found = score(code_tests(), PROBLEM, "    return 2 * x\n")
    assert (found["passed"].value, found["attempts"].value, found["attempts"].answer) == (1.0, 1.0, "passed")
    assert found["passed"].answer == "    return 2 * x\n"
    wrong = score(code_tests(), PROBLEM, "    return x\n")["passed"]
    assert (wrong.value, wrong.validity) == (0.0, Validity.OK)
    assert wrong.reason == "wrong: AssertionError: at: assert twice(2) == 4; returned: 2"


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        ("program", "def twice(x): return x + x", 1.0),
        ("program", "    return 2 * x\n", 0.0),
        ("chat", "Sure:\n```python\ndef twice(x):\n    return 2 * x\n```\nDone.", 1.0),
        ("chat", "```python\nreturn 2 * x\n```", 1.0),
        ("continue", "Sure:\n```python\ndef twice(x):\n    return 2 * x\n```", 0.0),
    ],
)
def test_the_forms_of_a_text(form, text, value):
    assert score(code_tests(form=form), PROBLEM, text)["passed"].value == value


def test_a_chat_models_reply_is_read_as_one_whatever_the_form():
    found = score(code_tests(), PROBLEM, "So:\n```\ndef twice(x):\n    return 2 * x\n```", notes=(CHAT,))
    assert found["passed"].value == 1.0
    assert str(found["passed"].answer).strip() == "def twice(x):\n    return 2 * x"


def test_several_texts_are_counted_and_named_one_by_one():
    texts = ("    return 2 * x\n", "    return x\n", "    return y\n", "    while True: pass\n")
    found = score(code_tests(cpu=1), PROBLEM, *texts)
    assert (found["passed"].value, found["attempts"].value) == (0.25, 4.0)
    assert found["attempts"].answer == "passed wrong NameError timeout"
    assert found["passed"].validity is Validity.OK


@pytest.mark.parametrize(
    ("text", "validity", "word"),
    [
        ("    while True: pass\n", Validity.TIMEOUT, "timeout"),
        ("    return [x] * 10**10\n", Validity.MEMORY, "memory"),
        ("    print('x' * 10**7)\n", Validity.OK, "output"),
        ("    import os; os._exit(0)\n", Validity.OK, "status-0"),
        ("  ", Validity.NO_ANSWER, "no-code"),
        ("<think>let me see", Validity.CUT_THOUGHT, "unfinished"),
    ],
)
def test_every_end_has_a_name_and_scores_zero(text, validity, word):
    found = score(code_tests(cpu=1), PROBLEM, text)
    assert (found["passed"].value, found["passed"].validity, found["attempts"].answer) == (0.0, validity, word)


def test_a_text_cut_at_its_limit_counts_as_it_stands_and_shows():
    found = score(code_tests(), PROBLEM, "    return 2 * x\n", finish="length")["passed"]
    assert (found.value, found.validity) == (1.0, Validity.LENGTH)


def test_what_lives_on_in_the_program_is_flagged():
    sample = Sample("p", "", data={"tests": "assert f('a')", "entry": ["f"]})
    found = score(code_tests(form="program"), sample, "import re\ndef f(x): return re.match('a', x)")
    assert (found["passed"].value, found["passed"].flags) == (1.0, ("live-object",))


def test_a_program_that_reads_and_writes():
    adds = "a, b = map(int, input().split())\nprint(a + b)\n"
    assert score(code_tests(form="program"), ECHO, adds)["passed"].value == 1.0
    first_only = score(code_tests(form="program"), ECHO, "print(3)")["passed"]
    assert (first_only.value, first_only.reason) == (0.0, "wrong: input 2: printed '3\\n', expected '7\\n'")
    broken = score(code_tests(form="program"), ECHO, "raise ValueError('no sum')")["passed"]
    assert broken.reason == "exited: status 1: input 1: ValueError: no sum"


@pytest.mark.parametrize(
    ("printed", "wanted", "same"),
    [
        ("1\n2\n", "1\n2", True),
        ("1 \n\n2", "1\n2\n", True),
        ("1 2", "1\n2", True),
        ("0.3333333", "0.333333333", True),
        ("1", "1.0", True),
        ("1", "2", False),
        ("1000000001", "1000000002", False),
        ("1 2 3", "1 2", False),
        ("YES", "yes", False),
        ("", "0", False),
    ],
)
def test_when_two_outputs_agree(printed, wanted, same):
    assert same_output(printed, wanted) is same


def failing(monkeypatch, outcomes: list[ProgramOutcome]):
    async def run(self, program, *, output=0):
        return Result(outcomes.pop(0), message="the machinery")

    monkeypatch.setattr(sandbox.LocalSandbox, "run", run)


def test_a_sandbox_error_is_nobodys_failure(monkeypatch):
    scorer = code_tests()
    ready(scorer, False)
    failing(monkeypatch, [ProgramOutcome.PASSED, ProgramOutcome.SANDBOX_ERROR, ProgramOutcome.WRONG])
    found = score(scorer, PROBLEM, "a", "b", "c")
    assert (found["passed"].value, found["attempts"].value) == (0.5, 2.0)
    assert found["attempts"].answer == "passed sandbox-error wrong"
    failing(monkeypatch, [ProgramOutcome.SANDBOX_ERROR])
    alone = score(scorer, PROBLEM, "a")["passed"]
    assert alone.validity is Validity.SANDBOX_ERROR
    assert math.isnan(alone.value)


def test_limits_and_the_interpreter_stand_in_the_signature():
    settings = ready(code_tests(cpu=20), False).settings
    assert settings["cpu"] == "20s"
    assert settings["python"].startswith("3.")
    assert float(code_tests().settings["cpu"].removesuffix("s")) >= 15
    assert ready(code_tests(), True).settings["unsafe"] == "subprocess"


def test_without_isolation_there_is_no_scorer(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    sandbox.usable_engine.cache_clear()
    try:
        with pytest.raises(UsageError, match="nothing here can isolate it") as caught:
            ready(code_tests(), False)
    finally:
        sandbox.usable_engine.cache_clear()
    assert "bubblewrap is not installed" in caught.value.found
    assert "--unsafe-code subprocess" in caught.value.fix


def test_samples_without_tests_are_a_scorers_error():
    with pytest.raises(ValueError, match="neither `tests` nor `inputs`"):
        score(code_tests(), Sample("p", "q"), "x = 1")
    with pytest.raises(UsageError, match="cpu must be positive"):
        code_tests(cpu=0)


def test_what_programs_printed_stands_in_the_details():
    noisy = "    print('a' * 5000)\n    print('the end')\n    return 2 * x\n"
    (one,) = score(code_tests(), PROBLEM, noisy)["passed"].details["programs"]
    assert (one["test"], one["outcome"]) == ("tests", "passed")
    assert one["seconds"] > 0
    two = score(code_tests(), PROBLEM, "    return x\n", "    return 1 / 0\n")["passed"].details["programs"]
    assert [(run["test"], run["outcome"]) for run in two] == [
        ("text 1: tests", "wrong"),
        ("text 2: tests", "ZeroDivisionError"),
    ]
    assert "assert twice(2) == 4" in two[0]["message"]
    script = "import sys\na, b = map(int, input().split())\nprint('x', file=sys.stderr)\nprint(a + b if a < 3 else 0)\n"
    found = score(code_tests(form="program"), ECHO, script)["passed"].details["programs"]
    assert [(run["test"], run["outcome"], run["stdout"], run["stderr"]) for run in found] == [
        ("input 1", "passed", "3\n", "x\n"),
        ("input 2", "wrong", "0\n", "x\n"),
    ]
    all_passed = score(code_tests(form="program"), ECHO, "print(sum(map(int, input().split())))\n")["passed"]
    assert [run["test"] for run in all_passed.details["programs"]] == ["inputs 1 to 2"]
    long = score(code_tests(form="program"), ECHO, "print('a' * 9000 + 'the end')\n")["passed"].details["programs"][0]
    assert len(long["stdout"]) < 4100
    assert long["stdout"].endswith("the end\n")
    assert "characters left out" in long["stdout"]
