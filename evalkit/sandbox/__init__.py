"""Runs code that nobody trusts: isolated by the kernel, limited in processor time and memory, judged out of its reach.

    sandbox = open_sandbox(Limits(cpu=15))
    result = await sandbox.run(Program("def add(a, b): return a + b", "assert add(1, 2) == 3", entry=("add",)))

docs/code.md says what is isolated and what is not covered.
"""

from evalkit.sandbox.pool import ENGINES, Sandbox, close_all, open_sandbox, usable_engine, why_not
from evalkit.sandbox.program import Limits, Outcome, Program, Result

__all__ = [
    "ENGINES",
    "Limits",
    "Outcome",
    "Program",
    "Result",
    "Sandbox",
    "close_all",
    "open_sandbox",
    "usable_engine",
    "why_not",
]
