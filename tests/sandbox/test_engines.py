"""Engines: the walls each command asks for, why one is not usable, the system call filter as the kernel sees it."""

from __future__ import annotations

import itertools
import os
import struct
from pathlib import Path

import pytest

from evalkit.core import UsageError
from evalkit.sandbox import Program, ProgramOutcome, ResourceLimits, open_sandbox, usable_engine, why_not
from evalkit.sandbox.engines import launch
from evalkit.sandbox.seccomp import filter_code


@pytest.fixture
def fresh_choice():
    usable_engine.cache_clear()
    yield
    usable_engine.cache_clear()


def pairs(command: list[str]) -> set[tuple[str, str]]:
    return set(itertools.pairwise(command))


def test_bubblewraps_walls(engine):
    if engine != "bubblewrap":
        pytest.skip("bubblewrap is not what isolates here")
    command = launch("bubblewrap", ResourceLimits(disk=1 << 20)).command
    for wall in ("user", "pid", "net", "ipc", "uts", "cgroup-try"):
        assert f"--unshare-{wall}" in command
    for wall in ("--die-with-parent", "--new-session", "--clearenv", "--as-pid-1"):
        assert wall in command
    assert {("--cap-drop", "ALL"), ("--uid", "65534"), ("--remount-ro", "/"), ("--remount-ro", "/dev")} <= pairs(
        command
    )
    binds = [command[place + 1] for place, part in enumerate(command) if part == "--ro-bind"]
    assert "--bind" not in command
    assert not [folder for folder in binds if folder in ("/", "/home", "/root", "/etc", "/var", "/run", "/opt")]


# Written to the engines' documentation; no daemon is needed to read a command line.
@pytest.mark.parametrize("name", ["docker", "podman"])
def test_a_containers_walls(name):
    command = launch(name, ResourceLimits(memory=1 << 30, processes=32)).command
    for wall in ("--rm", "--interactive", "--read-only"):
        assert wall in command
    wanted = {("--network", "none"), ("--cap-drop", "ALL"), ("--security-opt", "no-new-privileges")}
    wanted |= {("--user", "65534:65534"), ("--pids-limit", "40"), ("--pull", "never"), ("--ipc", "private")}
    wanted |= {("--memory", str(2 << 30)), ("--memory-swap", str(2 << 30))}
    assert wanted <= pairs(command)
    assert not {"--volume", "-v", "--mount", "--privileged", "--tty"} & set(command)


def fake(folder: Path, text: str, name: str = "docker") -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'Cannot connect to the Docker daemon. Running?' >&2; exit 1", "Cannot connect to the Docker daemon"),
        ("echo 'Error: No such image: python:3.11-slim' >&2; exit 1", "docker pull python:3.11-slim"),
        # The image is there and the container never starts.
        ("[ $1 = image ] || { echo 'OCI runtime error' >&2; exit 125; }", "does not work here: OCI runtime error"),
        ("[ $1 = image ] || exit 3", "it ended with status 3"),
        # It starts, and answers nonsense.
        ("[ $1 = image ] || printf '\\000\\000\\000\\003abc'", "docker does not work here"),
        # It runs, without namespaces: what an engine that is not one would do.
        ("[ $1 = image ] || { while [ $1 != -s ]; do shift; done; exec PYTHON \"$@\"; }", "gives no process namespace"),
    ],
)  # fmt: skip
def test_why_a_container_engine_is_not_taken(tmp_path, monkeypatch, script, reason):
    import sys

    fake(tmp_path, script.replace("PYTHON", sys.executable))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert reason in why_not("docker")


def test_the_choice_of_an_engine_is_checked(monkeypatch, fresh_choice, tmp_path):
    monkeypatch.setenv("EVALKIT_SANDBOX", "chroot")
    with pytest.raises(UsageError, match="EVALKIT_SANDBOX names no engine"):
        usable_engine()
    usable_engine.cache_clear()
    monkeypatch.setenv("EVALKIT_SANDBOX", "podman")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="nothing here can isolate it") as caught:
        usable_engine()
    assert caught.value.found == "podman is not installed"


def test_what_the_user_insists_on_has_limits_and_a_clean_folder_at_least():
    sandbox = open_sandbox(ResourceLimits(cpu=1.0, idle=1.0, memory=256 << 20), unsafe=True, workers=1)
    ends = {
        "def f(): return 2": ProgramOutcome.PASSED,
        "def f(): return 3": ProgramOutcome.WRONG,
        "def f():\n while True: pass": ProgramOutcome.TIMEOUT,
        "def f(): return [0] * 10**10": ProgramOutcome.MEMORY,
        "import os\nopen('left', 'w')\ndef f():\n if os.fork() == 0:\n"
        "  os.setsid(); os.execv('/bin/sleep', ['sleep', '77'])\n return 2": ProgramOutcome.PASSED,
        "import os\ndef f(): return 2 if os.listdir('.') == [] and not os.environ else 3": ProgramOutcome.PASSED,
    }  # fmt: skip
    for source, outcome in ends.items():
        assert sandbox.run_now(Program(source, "assert f() == 2", ("f",))).outcome is outcome, source
    sandbox.close()
    sleeping = [path for path in Path("/proc").glob("[0-9]*/cmdline") if path.read_bytes() == b"sleep\x0077\x00"]
    assert sleeping == []


# ---------------------------------------------------------------- the filter


def verdict(code: bytes, number: int, argument: int = 0, architecture: int = 0xC000003E, second: int = 0) -> int:
    """What the filter returns for a call: an interpreter of the few BPF instructions, as bpf(4) defines them."""
    data = struct.pack("IIQ6Q", number, architecture, 0, argument, second, *([0] * 4))
    steps = [struct.unpack_from("HBBI", code, place) for place in range(0, len(code), 8)]
    place, accumulator = 0, 0
    while True:
        operation, true, false, value = steps[place]
        place += 1
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("I", data, value)
        elif operation == 0x06:
            return value
        else:
            held = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[operation]
            place += true if held else false


ALLOW, REFUSE, MISSING = 0x7FFF0000, 0x00050001, 0x00050026


@pytest.mark.parametrize(
    ("machine", "architecture", "number", "argument", "expected"),
    [
        ("x86_64", 0xC000003E, 0, 0, ALLOW),  # read
        ("x86_64", 0xC000003E, 101, 0, REFUSE),  # ptrace
        ("x86_64", 0xC000003E, 41, 1, ALLOW),  # socket(AF_UNIX)
        ("x86_64", 0xC000003E, 41, 2, REFUSE),  # socket(AF_INET)
        ("x86_64", 0xC000003E, 41, 16, REFUSE),  # socket(AF_NETLINK)
        ("x86_64", 0xC000003E, 56, 0x01200011, ALLOW),  # clone as fork uses it
        ("x86_64", 0xC000003E, 56, 0x10000011, REFUSE),  # clone(CLONE_NEWUSER)
        ("x86_64", 0xC000003E, 435, 0, MISSING),  # clone3
        ("x86_64", 0xC000003E, 302, 0, ALLOW),  # prlimit64 of itself
        ("x86_64", 0xC000003E, 302, 1, REFUSE),  # prlimit64 of process 1
        ("x86_64", 0xC000003E, 0x40000000 + 101, 0, REFUSE),  # ptrace, as x32
        ("x86_64", 0x40000003, 26, 0, REFUSE),  # ptrace, as i386
        ("aarch64", 0xC00000B7, 117, 0, REFUSE),  # ptrace
        ("aarch64", 0xC00000B7, 63, 0, ALLOW),  # read
        ("aarch64", 0xC00000B7, 198, 10, REFUSE),  # socket(AF_INET6)
        ("aarch64", 0xC00000B7, 220, 0x11, ALLOW),  # clone
        ("aarch64", 0xC000003E, 63, 0, REFUSE),
    ],
)
def test_what_the_filter_refuses(machine, architecture, number, argument, expected):
    assert verdict(filter_code(machine), number, argument, architecture) == expected


@pytest.mark.parametrize(("machine", "number"), [("x86_64", 13), ("aarch64", 134)])
def test_what_becomes_of_ended_children_cannot_be_changed(machine, number):
    def asked(signal: int, action: int) -> int:
        architecture = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[machine]
        return verdict(filter_code(machine), number, signal, architecture, action)

    assert [asked(17, action) for action in (0, 4096, 1 << 40, (1 << 40) + 8)] == [ALLOW, REFUSE, REFUSE, REFUSE]
    assert [asked(signal, 4096) for signal in (2, 15, 16, 18)] == [ALLOW] * 4


def test_the_filter_is_whole_and_short_enough_for_the_kernel():
    for machine in ("x86_64", "aarch64"):
        code = filter_code(machine)
        assert len(code) % 8 == 0
        assert len(code) // 8 < 4096
        assert all(
            verdict(code, number, 1, {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[machine]) for number in range(600)
        )
    assert filter_code("riscv64") == b""


def test_the_kernel_has_taken_the_filter(sandbox):
    assert sandbox.greeting["filtered"] is True
    source = (
        "def f():\n"
        " lines = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
        " return [lines[name].strip() for name in ('Seccomp', 'NoNewPrivs', 'CapEff', 'CapBnd')]"
    )
    zeros = "0000000000000000"
    found = sandbox.run_now(Program(source, f"assert f() == ['2', '1', '{zeros}', '{zeros}'], f()", ("f",)))
    assert found.passed, found.message
