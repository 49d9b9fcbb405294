"""What a node of a cluster does for a sandbox whose owner is elsewhere: the same sandbox, in the node's process."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass

from evalkit.core import UsageError
from evalkit.sandbox.bundle import bundle
from evalkit.sandbox.pool import LocalSandbox, open_here
from evalkit.sandbox.program import Program, ResourceLimits, Result

__all__ = ["Asked", "Greeting", "greet", "run"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a sandbox is opened with."""

    limits: ResourceLimits
    packages: tuple[str, ...] = ()
    unsafe: bool = False


@dataclass(frozen=True, slots=True)
class Greeting:
    """What runs programs on a node; or why nothing can, in `why`."""

    host: str
    engine: str = ""
    python: str = ""
    judge: str = ""
    """Digest of the code that decides how a program ended."""
    why: str = ""


def greet(asked: Asked) -> Greeting:
    """Opens the node's sandbox, which tries a program."""
    host = platform.node()
    try:
        sandbox = _opened(asked)
    except UsageError as error:
        return Greeting(host, why=": ".join(filter(None, (error.wrong, error.found))))
    judge = hashlib.sha256(bundle()).hexdigest()[:12]
    return Greeting(host, sandbox.engine, str(sandbox.greeting["python"]), judge)


def run(asked: Asked, program: Program, output: int) -> Result:
    """What becomes of the program here."""
    return _opened(asked).run_now(program, output=output)


def _opened(asked: Asked) -> LocalSandbox:
    # One worker a process: the cluster gives every program that runs at the same time a separate process.
    return open_here(asked.limits, asked.packages, unsafe=asked.unsafe, workers=1)
