"""The nouns of the sandbox: a program to run, what it may use, what became of it, and what runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """What one program with its checks may use. Seconds and bytes.

    `cpu` is the limit that scores depend on: processor time, which a busy machine does not change. `idle` is time in
    which nothing of the program wanted a processor (asleep, or waiting for itself), `wall` the backstop.
    """

    cpu: float = 15.0
    idle: float = 15.0
    wall: float = 150.0
    memory: int = 1024 * _MIB
    output: int = _MIB
    file_size: int = 32 * _MIB
    disk: int = 64 * _MIB
    processes: int = 32
    files: int = 128


@dataclass(frozen=True, slots=True)
class Program:
    """Code to run: with `tests`, its definitions are checked; without, it is a script that reads `stdin`.

    tests: statements that use the names in `entry`, which must be defined by the program. They run in a process of
    their own and reach the program's functions through copies of plain data.
    prelude: trusted code (imports, helpers) that the tests may use besides their own names.
    """

    source: str
    tests: str = ""
    entry: tuple[str, ...] = ()
    prelude: str = ""
    stdin: str = ""


class ProgramOutcome(StrEnum):
    """How a program ended; everything but `SANDBOX_ERROR` is the program's own doing."""

    PASSED = "passed"
    WRONG = "wrong"
    EXCEPTION = "exception"
    EXITED = "exited"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    SANDBOX_ERROR = "sandbox error"


@dataclass(frozen=True, slots=True)
class Result:
    """`kind` is the exception's type, the signal or the exit status; `cpu` and `wall` are seconds.

    flags: "live-object" (checks met an object that stays in the program), "left-processes" (it left some running),
    "checks-killed" (something ended the process of the checks).
    """

    outcome: ProgramOutcome
    kind: str = ""
    message: str = ""
    stdout: str = ""
    stderr: str = ""
    cpu: float = 0.0
    wall: float = 0.0
    flags: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return self.outcome is ProgramOutcome.PASSED


class Sandbox(Protocol):
    """Runs programs under one engine and set of limits; made by `open_sandbox`."""

    @property
    def engine(self) -> str: ...
    @property
    def limits(self) -> ResourceLimits: ...
    @property
    def greeting(self) -> Mapping[str, Any]:
        """What a worker says of itself, such as its "python"."""
        ...

    async def run(self, program: Program, *, output: int = 0) -> Result:
        """What becomes of the program; never raises for what it does. `output`: how many bytes of it are wanted."""
        ...

    def run_now(self, program: Program, *, output: int = 0) -> Result:
        """The same for callers without an event loop."""
        ...

    def close(self) -> None:
        """End every worker, whatever it does."""
        ...
