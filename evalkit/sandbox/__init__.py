"""Runs code that nobody trusts: isolated by the kernel, limited in processor time and memory, judged out of its reach.

    sandbox = open_sandbox(ResourceLimits(cpu=15))
    result = await sandbox.run(Program("def add(a, b): return a + b", "assert add(1, 2) == 3", entry=("add",)))

docs/how-to/code.md says what is isolated and what is not covered.

What a program is worth is decided in `scoring.scorers.code`.
"""

from evalkit.sandbox.engines import accounting
from evalkit.sandbox.pool import ENGINES, Sandbox, close_all, open_sandbox, usable_engine, why_not
from evalkit.sandbox.program import Program, ProgramOutcome, ResourceLimits, Result

__all__ = [
    "ENGINES",
    "Program",
    "ProgramOutcome",
    "ResourceLimits",
    "Result",
    "Sandbox",
    "accounting",
    "close_all",
    "open_sandbox",
    "usable_engine",
    "why_not",
]
