"""Runs code that nobody trusts: isolated by the kernel, limited in processor time and memory, judged out of its reach.

    sandbox = open_sandbox(ResourceLimits(cpu=15))
    result = await sandbox.run(Program("def add(a, b): return a + b", "assert add(1, 2) == 3", entry=("add",)))

docs/how-to/code.md says what is isolated and what is not covered.

What a program is worth is decided in `scoring.scorers.code`.
"""

from evalkit.sandbox.engines import accounting
from evalkit.sandbox.opening import close_all, open_sandbox, spread
from evalkit.sandbox.pool import ENGINES, LocalSandbox, usable_engine, why_not
from evalkit.sandbox.program import Program, ProgramOutcome, ResourceLimits, Result, Sandbox
from evalkit.sandbox.settings import SandboxWorkers

__all__ = [
    "ENGINES",
    "LocalSandbox",
    "Program",
    "ProgramOutcome",
    "ResourceLimits",
    "Result",
    "Sandbox",
    "SandboxWorkers",
    "accounting",
    "close_all",
    "open_sandbox",
    "spread",
    "usable_engine",
    "why_not",
]
