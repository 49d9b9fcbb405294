"""`unsafe_code`: a task's programs run in the sandbox, whatever function of its own it runs them by."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from evalkit.core import Reply, UsageError, Validity
from evalkit.plugins.lm_eval import programs
from evalkit.sandbox import why_not
from tests.plugins.lm_eval.conftest import asked

needs_sandbox = pytest.mark.skipif(bool(why_not("bubblewrap")), reason="no bubblewrap here")

TASK = """
task: runs
unsafe_code: true
dataset_path: json
dataset_kwargs: {data_files: {test: ROWS}}
test_split: test
doc_to_text: "{{q}}"
doc_to_target: a
"""
PYTHON = """
import numpy as np

def check_correctness(check_program, timeout=3):
    exec(check_program, {})
    return True

again = check_correctness  # whoever holds the function calls the sandbox as well

def passes(references, predictions):
    try:
        return float(again(f"{predictions[0]}\\nassert double(2) == {references[0]}"))
    except Exception:
        return 0.0
"""
CPP = """
import subprocess
from subprocess import PIPE, Popen

_SPOC_IMPORT_HEADER = "#include <iostream>\\nusing namespace std;\\n"

def _evaluate_spoc_code(code, testcases):
    raise AssertionError("this ran outside")

def passes(references, predictions):
    return float(_evaluate_spoc_code(predictions[0], [(["21"], [references[0]]), (["1", "5"], ["2"])])[0])
"""


@pytest.fixture
def score(write, rows, load, leave):
    """The score of a reply by a module's metric `passes`."""

    def of(module: str, reply: str, target: str):
        rows({"q": "Q", "a": target})
        write("own.py", module)
        write("runs.yaml", TASK + "metric_list: [{metric: !function own.passes, aggregation: mean}]\n")
        leave()
        task = load("runs")
        sample, _ = asked(task)[0]
        (found,) = asyncio.run(task.scorers[0].score(sample, (Reply(texts=(reply,), finish=("stop",)),)))
        assert found.validity is Validity.OK
        return found.value

    return of


@needs_sandbox
@pytest.mark.parametrize(
    ("program", "value"),
    [
        ("def double(x): return 2 * x", 1.0),
        ("def double(x): return 2 + x + x", 0.0),
        ("def double(x): return", 0.0),
        ("this is not Python", 0.0),
        ("import sys; sys.exit(0)", 0.0),
        ("import os; os._exit(0)", 0.0),
    ],
)
def test_a_function_of_human_evals_form_runs_its_programs_in_the_sandbox(score, program, value):
    assert score(PYTHON, program, "4") == value


@needs_sandbox
def test_a_program_reaches_nothing_outside(score, tmp_path):
    mark = tmp_path / "mark"
    mark.write_text("here")
    program = f"import os\ndef double(x):\n    return 4 if os.path.exists({str(mark)!r}) else 5"
    assert score(PYTHON, program, "5") == 1.0


@needs_sandbox
@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ here")
@pytest.mark.parametrize(
    ("program", "value"),
    [
        ("int main(){int a;cin>>a;cout<<a*2<<endl;}", 1.0),
        ("int main(){int a;cin>>a;cout<<a+21<<endl;}", 0.0),
        ("int main({", 0.0),
    ],
)
def test_programs_in_cpp_are_compiled_and_run_there(score, program, value):
    assert score(CPP, program, "42") == value


@needs_sandbox
def test_a_sandbox_that_fails_is_no_wrong_answer(score, monkeypatch):
    from evalkit.sandbox import LocalSandbox, ProgramOutcome, Result

    broken = Result(ProgramOutcome.SANDBOX_ERROR, message="no worker")
    monkeypatch.setattr(LocalSandbox, "run_now", lambda *given, **more: broken)
    programs._sandbox.cache_clear()
    with pytest.raises(Exception, match="sandbox"):  # the task's own `except Exception` does not swallow it
        score(PYTHON, "def double(x): return 4", "4")


def test_what_else_would_run_a_program_is_refused(write, rows, load, leave):
    rows({"q": "Q", "a": "A"})
    leave()
    write("runs.yaml", TASK + "metric_list: [{metric: !function own.passes, aggregation: mean}]\n")
    write("own.py", "def passes(references, predictions):\n    exec(predictions[0])\n")
    with pytest.raises(UsageError, match="outside of any sandbox"):
        load("runs")


def test_what_is_left_of_a_module_that_is_contained_runs_nothing(write, rows, load, leave):
    rows({"q": "Q", "a": "A"})
    leave()
    write("runs.yaml", TASK + "metric_list: [{metric: !function own.sneaky, aggregation: mean}]\n")
    write("own.py", PYTHON + "\ndef sneaky(references, predictions):\n    exec(predictions[0])\n    return 1.0\n")
    task = load("runs")
    sample, _ = asked(task)[0]
    with pytest.raises(RuntimeError, match="outside of the sandbox"):
        asyncio.run(task.scorers[0].score(sample, (Reply(texts=("x = 1",), finish=("stop",)),)))
