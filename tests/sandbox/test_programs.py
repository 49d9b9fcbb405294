"""Programs and their tests: what counts as passed, how each end is called, and what may cross between the two."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from evalkit.sandbox import Program, ProgramOutcome, ResourceLimits, Sandbox
from evalkit.sandbox.pool import open_here

F = ("f",)


def outcome(sandbox: Sandbox, source: str, tests: str, entry: tuple[str, ...] = F, **more: str) -> ProgramOutcome:
    return sandbox.run_now(Program(source, tests, entry, **more)).outcome


@pytest.mark.parametrize(
    ("source", "tests", "expected"),
    [
        ("def f(x): return x + 1", "assert f(1) == 2", ProgramOutcome.PASSED),
        ("def f(x): return x", "assert f(1) == 2", ProgramOutcome.WRONG),
        ("def f(x): return 1 / 0", "assert f(1) == 2", ProgramOutcome.EXCEPTION),
        ("def f(x:", "assert f(1) == 2", ProgramOutcome.EXCEPTION),
        ("def g(x): return 2", "assert f(1) == 2", ProgramOutcome.EXCEPTION),
        ("def f(x): raise SystemExit", "assert f(1) == 2", ProgramOutcome.EXCEPTION),
        ("def f(x): exit()", "assert f(1) == 2", ProgramOutcome.EXCEPTION),
        ("def f(x): return 2\nquit()", "assert f(1) == 2", ProgramOutcome.EXCEPTION),
        ("def f(x):\n if x > 1: exit()\n return 2", "assert f(1) == 2", ProgramOutcome.PASSED),
        ("import os\ndef f(x): os.abort()", "assert f(1) == 2", ProgramOutcome.EXITED),
        ("def f(x):\n while True: pass", "assert f(1) == 2", ProgramOutcome.TIMEOUT),
        ("import time\ndef f(x): time.sleep(60)", "assert f(1) == 2", ProgramOutcome.TIMEOUT),
        ("while True: pass", "assert f(1) == 2", ProgramOutcome.TIMEOUT),
        ("def f(x): return [0] * 10**9", "assert f(1) == 2", ProgramOutcome.MEMORY),
        ("def f(x): print('x' * 10**7); return 2", "assert f(1) == 2", ProgramOutcome.OUTPUT),
        # The program's own assertion is an exception of the program's, not a wrong answer.
        ("def f(x): assert False", "assert f(1) == 2", ProgramOutcome.EXCEPTION),
        # Tests that never end are stopped, too.
        ("def f(x): return 2", "while f(1) == 2: pass", ProgramOutcome.TIMEOUT),
    ],
)
def test_how_a_program_ends(sandbox, source, tests, expected):
    assert outcome(sandbox, source, tests) is expected


def test_the_reason_says_what_was_asserted_and_what_came(sandbox):
    found = sandbox.run_now(Program("def f(x): return x * 3", "y = 1\nassert f(2) == 5, 'twice and one'", F))
    assert found.kind == "AssertionError"
    assert found.message == "twice and one; at: assert f(2) == 5, 'twice and one'; returned: 6"
    raised = sandbox.run_now(Program("def f(x): return {}[x]", "assert f('key') == 5", F))
    assert (raised.outcome, raised.kind, raised.message) == ("exception", "KeyError", "'key'; at: assert f('key') == 5")
    own = sandbox.run_now(Program("class Odd(ValueError): pass\ndef f(x): raise Odd('seven')", "f(7)", F))
    assert (own.kind, own.message) == ("Odd", "seven; at: f(7)")


# Each value crosses and comes back as what it is: the test compares type and value with its own.
@pytest.mark.parametrize(
    "value",
    [
        "None", "True", "7", "-(10**30)", "0.1", "-0.0", "float('inf')", "1e-320", "2+3j",
        "'ü\\x00\\ud800'",
        "b'\\x00a'", "bytearray(b'x')", "[]", "[1, [2, ['3']]]", "(1,)", "((), [], {}, set())", "{1: (2, 3)}",
        "{(1, 2): {3}}", "{1, 'a', None}", "frozenset({1})", "range(3, 9, 2)",
        "__import__('collections').Counter('aab')", "__import__('collections').OrderedDict(a=1)",
        "__import__('collections').deque([1, 2], 5)", "__import__('decimal').Decimal('1.10')",
        "__import__('fractions').Fraction(1, 3)", "__import__('datetime').date(2026, 1, 2)",
        "__import__('datetime').datetime(2026, 1, 2, 3, 4, 5)", "__import__('datetime').timedelta(1, 2, 3)",
        "int", "dict",
    ],
)  # fmt: skip
def test_plain_data_crosses_both_ways(sandbox, value):
    tests = f"value = {value}\nassert f(value) == (value, repr(value))\nassert type(f(value)[0]) is type(value)"
    assert outcome(sandbox, "def f(x): return x, repr(x)", tests) is ProgramOutcome.PASSED


@pytest.mark.parametrize(
    ("source", "tests"),
    [
        # What a program changes in place, its tests see.
        ("def f(x): x.append(x.pop(0) + 1)", "a = [1, 2]\nassert f(a) is None\nassert a == [2, 2], a"),
        ("def f(x): x['a'] = 1", "d = {}\nf(d)\nassert d == {'a': 1}"),
        ("def f(x):\n  yield from range(x)", "assert list(f(3)) == [0, 1, 2]\nassert sum(f(4)) == 6"),
        ("def f(g, x): return g(g(x))", "assert f(lambda n: n + 3, 1) == 7"),
        ("def f(it): return sum(it)", "assert f(iter([1, 2])) == 3\nassert f(n * n for n in (1, 2)) == 5"),
        ("def f(*a, k=0): return len(a) + k", "assert f(1, 2, k=5) == 7"),
        ("f = lambda x: x", "assert f(x=3) == 3"),
        ("f = [1, 2]", "assert f == [1, 2]"),
        ("import re\ndef f(x): return re.match('a', x)", "assert f('a')\nassert not f('b')\nassert f('ab').end() == 1"),
        ("from typing import NamedTuple\nclass P(NamedTuple):\n  x: int\ndef f(): return P(3)", "assert f() == (3,)"),
        ("class N(int): pass\ndef f(): return N(3)", "assert f() == 3"),
        ("def f(x): raise KeyError(x)", "try:\n  f(1)\nexcept KeyError:\n  pass\nelse:\n  assert False"),
        ("import math\ndef f(x): return math.sqrt(x)", "assert math.isclose(f(2), 1.41421356, rel_tol=1e-6)"),
        ("def f(n): return 0 if n == 0 else 1 + f(n - 1)", "assert f(900) == 900"),
        # Larger than Python turns into decimal digits by itself.
        ("def f(n): return n * n", "assert f(10**5000) == 10**10000"),
        ("def f(): return str(10**4000)[:2]", "assert f() == '10'"),
    ],
)  # fmt: skip
def test_what_honest_programs_do_works(sandbox, source, tests):
    assert outcome(sandbox, source, tests) is ProgramOutcome.PASSED


def test_an_object_of_the_programs_can_be_used_and_is_flagged(sandbox):
    source = "class Pair:\n  def __init__(self, a): self.a = a\ndef f(p): return p.a + 1\n"
    given_back = sandbox.run_now(Program(source, "assert f(Pair(4)) == 5", ("Pair", "f")))
    assert (given_back.outcome, given_back.flags) == ("passed", ())
    looked_at = sandbox.run_now(Program(source, "assert Pair(4).a == 4", ("Pair", "f")))
    assert (looked_at.outcome, looked_at.flags) == ("passed", ("live-object",))


_OBJECT = (
    "class Thing:\n  def g(self): return 1\ndef f(): return Thing()\ndef g(x): return 1\ndef many(): return [f()]\n"
)
_PLAIN = "def f(): return (1, 'good')\ndef g(x): return 1\ndef many(): return [f()]\n"


# What tests may ask of a result without a look inside; all of it is true of nearly any object.
@pytest.mark.parametrize(
    "tests",
    [
        'assert f() != "bad"', 'assert not f() == "bad"', "assert not (f() == f())", 'assert "bad" != f()',
        "assert f() is not None", "assert f() is not f()", "assert not isinstance(f(), str)", "assert type(f())",
        "assert f() not in [1, 2]", "assert f() not in {1: 2}", "assert 3 not in many()", "assert many() != [3]",
        "assert many() != []", "assert len(many()) == 1", "assert hash(f())", "assert hasattr(f(), '__class__')",
        "x = f()\nassert g(x) == 1\nassert x != 3", "assert dict.fromkeys(many())",
    ],
)  # fmt: skip
def test_a_live_object_that_tests_meet_is_flagged(sandbox: Sandbox, tests: str) -> None:
    entry = ("f", "g", "many")
    found = sandbox.run_now(Program(_OBJECT, tests, entry))
    assert (found.outcome, found.flags) == (ProgramOutcome.PASSED, ("live-object",))


@pytest.mark.parametrize("tests", ["assert f() != 'bad'", "assert f() is not None", "assert f() in many()", "f()"])
def test_plain_data_is_not_flagged(sandbox: Sandbox, tests: str) -> None:
    assert sandbox.run_now(Program(_PLAIN, tests, ("f", "g", "many"))).flags == ()


@pytest.mark.parametrize(
    "tests", ["assert g(f()) == 1", "x = f()\nfor _ in 'ab': assert g(x) == 1", "assert h()(3) == 4"]
)
def test_a_live_object_that_is_only_given_back_or_called_is_not_flagged(sandbox: Sandbox, tests: str) -> None:
    source = _OBJECT + "def h(): return lambda n: n + 1\n"
    found = sandbox.run_now(Program(source, tests, ("f", "g", "h")))
    assert (found.outcome, found.flags) == (ProgramOutcome.PASSED, ())


@pytest.mark.parametrize("tests", ["assert f() == f()", 'assert f() == "x"', "assert f() < 1", "assert f() in [1]"])
def test_a_live_object_equals_nothing_but_itself(sandbox: Sandbox, tests: str) -> None:
    found = sandbox.run_now(Program(_OBJECT.replace("def g(self)", "def __eq__(self, other)"), tests, F))
    assert not found.passed
    assert found.flags == ("live-object",)


# A program must not lend its own names to the tests: what they do not define is the library's, or is not there.
@pytest.mark.parametrize(
    ("source", "tests", "prelude"),
    [
        ("def f(x): return 1\ndef abs(x): return 0\n", "assert abs(f(1) - 5) < 1e-6", ""),
        ("class math:\n  isclose = lambda *a, **k: True\ndef f(x): return 1", "assert math.isclose(f(1), 5)", ""),
        (
            "def f(x): return 1\ndef error(y): return 0\n",
            "assert error(f(1)) == 0",
            "def error(y): return abs(y - 5)\n",
        ),
        ("def f(x): return 1\ndef check(c): pass\n", "def check(c):\n  assert c(1) == 5\ncheck(f)", ""),
        ("def f(x): return 1\nwanted = 1\n", "assert f(1) == wanted", ""),
    ],
)
def test_names_of_the_tests_are_not_the_programs(sandbox, source, tests, prelude):
    assert outcome(sandbox, source, tests, prelude=prelude) in (ProgramOutcome.WRONG, ProgramOutcome.EXCEPTION)


def test_helpers_of_the_problem_are_there_for_the_tests(sandbox):
    prelude = "def twice(x): return 2 * x\n\ndef f(x):\n    '''Not done.'''\n"
    assert (
        outcome(sandbox, "def f(x): return 4 * x", "assert f(3) == twice(6)", prelude=prelude) is ProgramOutcome.PASSED
    )


def test_a_script_reads_its_input_and_its_output_is_kept(sandbox):
    script = Program("import sys\nn = int(input())\nprint(n * 2)\nprint('note', file=sys.stderr)", stdin="21\n")
    found = sandbox.run_now(script, output=1000)
    assert (found.outcome, found.stdout, found.stderr) == ("passed", "42\n", "note\n")
    guarded = Program("def main():\n  print(input())\nif __name__ == '__main__':\n  main()", stdin="hello")
    assert sandbox.run_now(guarded).stdout == "hello\n"
    failing = sandbox.run_now(Program("print('so far')\nraise ValueError('no')"))
    assert (failing.outcome, failing.kind, failing.stdout) == ("exited", "status 1", "so far\n")
    assert failing.stderr.endswith("ValueError: no\n")
    assert sandbox.run_now(Program("raise SystemExit(3)")).kind == "status 3"


def test_annotations_are_evaluated_as_in_any_module(sandbox):
    assert outcome(sandbox, "def f(x: Missing): return 2", "assert f(1) == 2") is ProgramOutcome.EXCEPTION


def test_text_beyond_a_pipe_crosses_whole(sandbox):
    source = "def f(x): return x[::-1]\n#" + "x" * 300_000
    tests = "a = 'ab' * 400_000\nassert f(a) == a[::-1]"
    assert outcome(sandbox, source, tests) is ProgramOutcome.PASSED


def test_programs_do_not_see_each_other(sandbox):
    leaves = (
        "import os, sys, random\nopen('/tmp/left', 'w').write('x')\nos.environ['LEFT'] = 'x'\n"
        "os.makedirs('/tmp/a/b/c')\nos.chmod('/tmp/a', 0)\nopen('/dev/shm/left', 'w')\n"
        "sys.modules['left'] = sys\ndef f(): return 1"
    )
    looks = (
        "import os, sys\ndef f():\n"
        " return os.listdir('/tmp'), os.listdir('/dev/shm'), dict(os.environ), 'left' in sys.modules, os.getcwd()"
    )
    for _ in range(4):
        assert outcome(sandbox, leaves, "assert f() == 1") is ProgramOutcome.PASSED
        assert outcome(sandbox, looks, "assert f() == ([], [], {}, False, '/tmp'), f()") is ProgramOutcome.PASSED


def test_many_at_once_do_not_block_the_loop(sandbox):
    async def work() -> tuple[list[ProgramOutcome], float]:
        longest, stop = 0.0, asyncio.Event()

        async def watch() -> None:
            nonlocal longest
            while not stop.is_set():
                before = time.perf_counter()
                await asyncio.sleep(0.01)
                longest = max(longest, time.perf_counter() - before)

        watching = asyncio.create_task(watch())
        slow = "def f(x):\n  s = 0\n  for i in range(2_000_000): s += i\n  return x"
        found = await asyncio.gather(*(sandbox.run(Program(slow, "assert f(3) == 3", F)) for _ in range(8)))
        stop.set()
        await watching
        return [one.outcome for one in found], longest

    outcomes, longest = asyncio.run(work())
    assert outcomes == [ProgramOutcome.PASSED] * 8
    assert longest < 0.5


def test_a_limit_is_on_processor_time_not_on_the_clock(sandbox):
    # Half a second of work while four others want the processors takes seconds of the clock.
    source = (
        "import time\ndef f():\n  end = time.process_time() + 0.5\n  while time.process_time() < end: pass\n  return 1"
    )
    program = Program(source, "assert f() == 1", F)

    async def work() -> list[ProgramOutcome]:
        busy = [await asyncio.create_subprocess_exec("sh", "-c", "while :; do :; done") for _ in range(4)]
        try:
            return [found.outcome for found in await asyncio.gather(*(sandbox.run(program) for _ in range(4)))]
        finally:
            for process in busy:
                process.send_signal(signal.SIGKILL)
                await process.wait()

    assert asyncio.run(work()) == [ProgramOutcome.PASSED] * 4


def test_a_worker_that_is_killed_is_replaced_and_the_program_tried_again(engine):
    own = open_here(ResourceLimits(cpu=3.0, memory=200 << 20), (), unsafe=False, workers=1)

    async def work() -> list[ProgramOutcome]:
        source = "import time\ndef f():\n  time.sleep(0.5)\n  return 1"
        running = asyncio.create_task(own.run(Program(source, "assert f() == 1", F)))
        await asyncio.sleep(0.2)
        (worker,) = own._all
        os.kill(worker._process.pid, signal.SIGKILL)
        return [(await running).outcome, (await own.run(Program(source, "assert f() == 1", F))).outcome]

    assert asyncio.run(work()) == [ProgramOutcome.PASSED, ProgramOutcome.PASSED]


def test_a_sandbox_that_cannot_start_is_an_error_of_the_sandbox(engine, monkeypatch):
    own = open_here(ResourceLimits(cpu=3.0, memory=201 << 20), (), unsafe=False, workers=1)
    own._executor.submit(own._discard).result()
    monkeypatch.setattr("evalkit.sandbox.engines._interpreter", lambda: "/no/such/python")
    found = own.run_now(Program("def f(): return 1", "assert f() == 1", F))
    assert (found.outcome, found.passed) == (ProgramOutcome.SANDBOX_ERROR, False)
    assert found.message


def test_nothing_is_left_when_a_sandbox_is_closed(engine):
    own = open_here(ResourceLimits(cpu=3.0, memory=202 << 20), (), unsafe=False, workers=2)
    pids = {worker._process.pid for worker in own._all}
    assert pids
    own.close()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.parametrize("ending", ["exit()", "quit()", "exit(0)", "import sys; sys.exit()", "help; copyright; exit()"])
def test_a_script_ends_as_under_a_usual_interpreter(sandbox: Sandbox, ending: str) -> None:
    found = sandbox.run_now(Program(f"print(input())\n{ending}\nprint('more')", stdin="7\n"), output=1000)
    assert (found.outcome, found.stdout) == (ProgramOutcome.PASSED, "7\n")


def test_a_script_that_exits_with_a_status_has_failed(sandbox: Sandbox) -> None:
    assert sandbox.run_now(Program("print(1)\nexit(3)"), output=1000).outcome is ProgramOutcome.EXITED
