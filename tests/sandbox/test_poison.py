"""Programs on one worker do not touch each other: what an honest one sees after each of `poison.PAIRS`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import pytest

from evalkit.sandbox import LocalSandbox, Program, ProgramOutcome, ResourceLimits
from evalkit.sandbox.pool import open_here
from tests.sandbox.poison import PAIRS

pytestmark = pytest.mark.slow("a hundred pairs of programs, many of which cost a worker")


@pytest.fixture(scope="module")
def alone(engine: str) -> Iterator[LocalSandbox]:
    """One worker, so that each program comes after the one before."""
    limits = ResourceLimits(cpu=1.0, idle=1.0, wall=30.0, memory=203 << 20, disk=4 << 20)
    sandbox = open_here(limits, (), unsafe=False, workers=1)
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="module")
def roomy(engine: str) -> Iterator[LocalSandbox]:
    limits = ResourceLimits(cpu=6.0, idle=6.0, wall=30.0, memory=220 << 20)
    sandbox = open_here(limits, (), unsafe=False, workers=1)
    yield sandbox
    sandbox.close()


def defined(body: str) -> str:
    return "import os, sys, time\ndef f():\n" + "".join(f"    {line}\n" for line in body.strip("\n").splitlines())


def leaver(body: str, *, checked: bool) -> Program:
    return Program(defined(body), "f()", ("f",)) if checked else Program(defined(body) + "f()\n", stdin="9\n")


def seen(sandbox: LocalSandbox, body: str, *, checked: bool) -> str:
    """What the honest program says, as one that is checked or as a script."""
    source = defined(body) + "def say():\n    print(f())\n"
    honest = Program(source, "say()", ("say",), stdin="7\n") if checked else Program(source + "say()\n", stdin="7\n")
    found = sandbox.run_now(honest, output=10_000)
    assert found.outcome is ProgramOutcome.PASSED, found
    assert found.stdout
    return found.stdout


@pytest.fixture(scope="module")
def unspoiled(alone: LocalSandbox) -> Callable[[str, bool], str]:
    """What the honest program says on a worker that nobody had used."""

    @functools.cache
    def first(body: str, checked: bool) -> str:
        alone._executor.submit(alone._discard).result()
        return seen(alone, body, checked=checked)

    return first


@pytest.mark.parametrize("checked", [True, False], ids=["checked", "script"])
@pytest.mark.parametrize("name", PAIRS)
def test_nothing_of_a_program_meets_the_next(alone, unspoiled, name: str, checked: bool) -> None:
    leave, see = PAIRS[name]
    expected = unspoiled(see, checked)
    for _ in range(2):
        alone.run_now(leaver(leave, checked=checked))
        assert seen(alone, see, checked=checked) == expected


def test_a_worker_stays_where_nothing_was_left(alone: LocalSandbox) -> None:
    """Otherwise the rows above would show nothing but new workers."""
    seen(alone, "return os.listdir('/tmp')", checked=True)
    before = set(alone._all)
    for leave in ("os.environ['LEFT'] = 'x'", "os.fchmod(0, 0)", "os.listdir('/tmp'); os.listdir('/dev/pts')"):
        alone.run_now(leaver(leave, checked=True))
    assert alone._all == before
    alone.run_now(leaver("open('/tmp/left', 'w')", checked=True))
    assert alone._all != before


@pytest.mark.parametrize(
    "leave",
    [
        "return [str(i) for i in range(900_000)]",
        "return {str(i): float(i) for i in range(300_000)}",
        "return ['x' * 500] * 10**6",
        "f.calls = getattr(f, 'calls', 0) + 1\nif f.calls > 1: os._exit(3)\nreturn [str(i) for i in range(900_000)]",
    ],
    ids=["texts", "a table", "more than there is", "and then it ends"],
)
def test_what_a_program_returned_does_not_weigh_on_the_next(roomy: LocalSandbox, leave: str) -> None:
    """The checks took it in; the next program's memory is counted together with theirs."""
    large = Program(
        "import time\ndef f():\n    held = bytearray(150 << 20)\n    time.sleep(0.4)\n    return 1", "f()", ("f",)
    )
    assert roomy.run_now(large).passed
    workers = set(roomy._all)
    roomy.run_now(Program(defined(leave), "f()\nf()", ("f",)))
    assert roomy.run_now(large).outcome is ProgramOutcome.PASSED
    assert roomy._all == workers
