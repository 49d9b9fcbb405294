"""Workers in control groups of their own (cgroup v2): on this kernel where it hands them out, else on another one.

Where this machine has no such groups and Debian's `user-mode-linux` is installed, the last test boots that kernel on
this file system and runs the others in it: a real kernel, real groups, the same sandbox.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalkit.sandbox import (
    LocalSandbox,
    Program,
    ProgramOutcome,
    ResourceLimits,
    Sandbox,
    accounting,
    cgroups,
    open_sandbox,
)

ROOT = Path(__file__).parents[2]
UML = shutil.which("linux.uml")
INSIDE = "EVALKIT_IN_UML"
FOLDER = cgroups.parent()
counted = pytest.mark.skipif(FOLDER is None, reason="no control group (v2) with memory can be made here")
F = ("f",)
PASSES = Program("def f():\n    return 1\n", "assert f() == 1", F)
CHILDREN = """
import mmap, os, time
def child(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return pid
"""
# Each of five processes is below the limit, and none has the others' pages.
HOLD = CHILDREN + textwrap.dedent("""
    def hold():
        held = mmap.mmap(-1, SIZE, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
        for place in range(0, SIZE, 4096): held[place] = 1
        time.sleep(0.5)
    def f():
        for _ in range(5): child(hold)
        for _ in range(5): os.wait()
        return 1
""")
# One area that five processes share: it is there once.
SHARE = HOLD.replace("def hold():", "held = mmap.mmap(-1, SIZE)\ndef hold():").replace(
    "    held = mmap.mmap(-1, SIZE, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)\n", ""
)
BURN = CHILDREN + textwrap.dedent("""
    def burn():
        end = time.process_time() + 0.25
        while time.process_time() < end: pass
    def chain(links):
        if links:
            if child(lambda: (burn(), chain(links - 1))): os._exit(0)
    def f():
        if child(lambda: chain(LINKS)): time.sleep(WAIT)
        return 1
""")


@pytest.fixture(scope="module")
def grouped() -> Iterator[Sandbox]:
    """Wide limits on time: the other kernel is slow at memory."""
    yield open_sandbox(ResourceLimits(cpu=20.0, idle=20.0, wall=200.0, memory=96 << 20), workers=1)


def run(sandbox: Sandbox, source: str, **values: object) -> ProgramOutcome:
    for name, value in values.items():
        source = source.replace(name, str(value))
    return sandbox.run_now(Program(source, "assert f() == 1", F)).outcome


def groups() -> set[str]:
    assert FOLDER is not None
    return {path.name for path in FOLDER.glob(f"evalkit-{os.getpid()}-*")}


@counted
def test_a_worker_is_in_a_group_that_goes_with_it() -> None:
    before = groups()
    sandbox = LocalSandbox("bubblewrap", ResourceLimits(memory=80 << 20), (), 1)
    assert sandbox.run_now(PASSES).passed
    (new,) = groups() - before
    assert FOLDER is not None
    assert len((FOLDER / new / "cgroup.procs").read_text().split()) >= 2
    sandbox.close()
    assert groups() == before
    assert str(FOLDER) in accounting("bubblewrap")


@counted
def test_memory_that_processes_share_counts_once_and_their_own_adds_up(grouped: Sandbox) -> None:
    assert run(grouped, HOLD, SIZE=40 << 20) is ProgramOutcome.MEMORY
    assert run(grouped, SHARE, SIZE=40 << 20) is ProgramOutcome.PASSED
    assert run(grouped, HOLD, SIZE=4 << 20) is ProgramOutcome.PASSED


FILL = """
import time
def f():
    for number in range(8):
        with open(f"/tmp/{number}", "wb") as out: out.write(bytes(6 << 20))
    held = b"x" * SIZE
    time.sleep(0.4)
    return 1
"""


@counted
def test_files_in_memory_count(grouped: Sandbox) -> None:
    assert run(grouped, FILL, SIZE=4 << 20) is ProgramOutcome.PASSED
    assert run(grouped, FILL, SIZE=64 << 20) is ProgramOutcome.MEMORY


@counted
def test_what_is_taken_between_two_looks_ends_at_the_groups_own_limit(grouped: Sandbox) -> None:
    """Ten processes that fill what each may have at once: the kernel ends one, and the outcome says why."""
    source = HOLD.replace("range(5)", "range(10)").replace("time.sleep(0.5)", "")
    assert run(grouped, source, SIZE=90 << 20) is ProgramOutcome.MEMORY
    assert grouped.run_now(PASSES).passed


@counted
def test_processor_time_of_orphans_that_are_gone_is_counted() -> None:
    short = open_sandbox(ResourceLimits(cpu=2.0, idle=20.0, wall=200.0, memory=96 << 20), workers=1)
    assert run(short, BURN, LINKS=40, WAIT=15) is ProgramOutcome.TIMEOUT
    found = short.run_now(Program(BURN.replace("LINKS", "2").replace("WAIT", "3"), "assert f() == 1", F))
    assert found.passed, found
    assert 0.5 < found.cpu < 2.0


@counted
def test_programs_cannot_reach_the_group(grouped: Sandbox) -> None:
    source = """
import os
def f():
    seen = {os.readlink(f'/proc/self/fd/{fd}') for fd in range(3, 1000) if os.path.lexists(f'/proc/self/fd/{fd}')}
    return [name for name in seen if 'cgroup' in name or 'stat' in name], os.path.exists('/sys/fs/cgroup')
"""
    assert grouped.run_now(Program(source, "assert f() == ([], False), f()", F)).passed


@pytest.mark.slow("boots a kernel")
@pytest.mark.skipif(FOLDER is not None, reason="the tests above ran on this kernel")
@pytest.mark.skipif(INSIDE in os.environ, reason="the other kernel hands out no groups")
@pytest.mark.skipif(
    UML is None or os.geteuid() != 0, reason="no user-mode-linux here (apt-get install it), or not root"
)
def test_the_above_on_a_kernel_with_groups(tmp_path: Path) -> None:
    said, init = tmp_path / "said.txt", tmp_path / "init"
    init.write_text(
        textwrap.dedent(f"""\
        #!/bin/sh
        exec > {said} 2>&1
        export PATH={os.environ["PATH"]} HOME={tmp_path} PYTHONPATH={ROOT} {INSIDE}=1 LANG=C.UTF-8
        mount -t proc none /proc; mount -t sysfs none /sys; mount -t cgroup2 none /sys/fs/cgroup
        mount -t tmpfs none {tmp_path / "tmp"}; export TMPDIR={tmp_path / "tmp"}
        echo +memory > /sys/fs/cgroup/cgroup.subtree_control
        cd {ROOT}
        {sys.executable} -m pytest -q -rs -p no:cacheprovider {__file__}
        echo "rest: $(ls -d /sys/fs/cgroup/evalkit-* 2> /dev/null)"
        sync; echo o > /proc/sysrq-trigger; sleep 10
        """)
    )
    init.chmod(0o755)
    (tmp_path / "tmp").mkdir()
    assert UML is not None
    command = [UML, "mem=2G", "rootfstype=hostfs", "rootflags=/", "rw", f"init={init}", "con=null", "con0=null"]
    subprocess.run(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
    text = said.read_text()
    assert "6 passed, 1 skipped" in text, text[-3000:]
    assert text.rstrip().endswith("rest:"), text[-300:]
