"""Limits hold for all processes of a program together, however it makes them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evalkit.sandbox import Program, ProgramOutcome, ResourceLimits, Sandbox, open_sandbox

F = ("f",)


@pytest.fixture(scope="module")
def limited(engine: str) -> Iterator[Sandbox]:
    """Nothing here ends because it was idle: on a machine that is short of processors, that would hide the others."""
    sandbox = open_sandbox(ResourceLimits(cpu=1.0, idle=60.0, wall=60.0, memory=256 << 20), workers=1)
    yield sandbox
    sandbox.close()


_BURN = """
import ctypes, mmap, os, signal, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
def child(work):
    if os.fork() == 0:
        work()
        os._exit(0)
"""
# Each process lives shorter than a look of the worker's lasts; f waits for the last one without working.
_CHAIN = """
def link(left):
    burn(0.06)
    if left: child(lambda: link(left - 1))
def f():
    read, write = os.pipe()
    child(lambda: child(lambda: link(LINKS)))
    os.close(write)
    os.read(read, 1)
    return 1
"""
_ONE_AFTER_ANOTHER = """
def f():
    IGNORED
    for _ in range(40):
        read, write = os.pipe()
        child(lambda: burn(0.06))
        os.close(write)
        os.read(read, 1)
        os.close(read)
    return 1
"""
_IGNORE = "signal.signal(signal.SIGCHLD, signal.SIG_IGN)"
# A handler and SA_NOCLDWAIT: children that nobody waits for, and a disposition that /proc does not show.
_NO_WAIT = (
    "action = (ctypes.c_char * 152)(); handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda n: None); "
    "ctypes.memmove(action, ctypes.byref(handler), 8); "
    "ctypes.memmove(ctypes.byref(action, 136), bytes([2, 0, 0, 0]), 4); "
    "ctypes.CDLL(None).sigaction(17, action, None)"
)


@pytest.mark.parametrize(
    "source",
    [
        _CHAIN.replace("LINKS", "40"),
        # Over the limit by less than a look.
        _CHAIN.replace("LINKS", "18"),
        _ONE_AFTER_ANOTHER.replace("IGNORED", "pass"),
        _ONE_AFTER_ANOTHER.replace("IGNORED", f"try: {_IGNORE}\n    except OSError: pass"),
        _ONE_AFTER_ANOTHER.replace("IGNORED", _NO_WAIT),
        "def f():\n    for _ in range(3): child(lambda: burn(0.5))\n    for _ in range(3): os.wait()\n    return 1",
    ],
    ids=["orphans", "orphans just above", "children", "children ignored", "children not waited for", "at once"],
)
@pytest.mark.parametrize("script", [False, True], ids=["checked", "script"])
def test_processor_time_counts_whoever_used_it(limited: Sandbox, source: str, script: bool) -> None:
    text = _BURN + source
    found = limited.run_now(Program(text + "\nf()") if script else Program(text, "assert f() == 1", F))
    assert (found.outcome, found.cpu > 1.0) == (ProgramOutcome.TIMEOUT, True), found


def test_a_chain_within_the_limit_passes_and_is_counted(limited: Sandbox) -> None:
    found = limited.run_now(Program(_BURN + _CHAIN.replace("LINKS", "7"), "assert f() == 1", F))
    assert found.outcome is ProgramOutcome.PASSED
    assert 0.45 < found.cpu < 1.0


_HOLD = """
def hold():
    held = MEMORY
    for place in range(0, SIZE, 4096): held[place] = 1
    os.write(write, b"x")
    time.sleep(0.6)
def f():
    global write
    read, write = os.pipe()
    for _ in range(5): child(hold)
    for _ in range(5): os.wait()
    return 1
"""


@pytest.mark.parametrize("memory", ["mmap.mmap(-1, SIZE)", "mmap.mmap(-1, SIZE, flags=mmap.MAP_PRIVATE)"])
@pytest.mark.parametrize(("mib", "outcome"), [(100, ProgramOutcome.MEMORY), (20, ProgramOutcome.PASSED)])
def test_memory_counts_shared_or_not(limited: Sandbox, memory: str, mib: int, outcome: ProgramOutcome) -> None:
    source = (_BURN + _HOLD).replace("MEMORY", memory).replace("SIZE", str(mib << 20))
    assert limited.run_now(Program(source, "assert f() == 1", F)).outcome is outcome


def test_shells_and_children_work_though_they_may_not_ignore_a_childs_end(limited: Sandbox) -> None:
    source = """
import asyncio, os, signal, subprocess
async def both():
    started = [await asyncio.create_subprocess_exec("sh", "-c", "exit 3") for _ in range(2)]
    return [await one.wait() for one in started]
def f():
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        refused = False
    except PermissionError:
        refused = True
    waited = subprocess.run("printf '1\\n2\\n' | (sleep 0.05; grep 2) && $(exit 4)", shell=True).returncode
    return refused, signal.getsignal(signal.SIGCHLD) == 0, waited, os.system("exit 5") >> 8, asyncio.run(both())
"""
    assert limited.run_now(Program(source, "assert f() == (True, True, 4, 5, [3, 3]), f()", F)).passed
