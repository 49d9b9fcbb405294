"""`code_eval` of Hugging Face's `evaluate` as tasks call it, with the programs run in evalkit's sandbox."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalkit.sandbox import Sandbox

__all__ = ["CodeEval"]

_CPU_SECONDS = 15.0


class CodeEval:
    """Has `compute` as `code_eval` has it. A program may use 15 s of processor time, whatever `timeout` says: the
    seconds of a clock would make a score depend on how busy the machine is."""

    def compute(
        self,
        references: Sequence[str],
        predictions: Sequence[Sequence[str]],
        k: Sequence[int] = (1, 10, 100),
        **ignored: Any,
    ) -> tuple[dict[str, float], dict[int, list[Any]]]:
        """(pass@k by name, what each program came to by its problem). Raises RuntimeError where none could be run."""
        if _importing.active:  # a module's own trial while it is imported: no model has written anything yet
            return {f"pass@{one}": math.nan for one in k}, {}
        right: list[int] = []
        told: dict[int, list[Any]] = {}
        for number, (tests, programs) in enumerate(zip(references, predictions, strict=True)):
            passed = [_passes(program, tests) for program in programs]
            told[number] = [(place, {"passed": one}) for place, one in enumerate(passed)]
            right.append(sum(passed))
        counts = [len(programs) for programs in predictions]
        return {
            f"pass@{one}": sum(_pass_at(n, c, one) for n, c in zip(counts, right, strict=True)) / len(counts)
            for one in k
            if all(n >= one for n in counts)
        }, told


class _Importing:
    active = 0


_importing = _Importing()


def importing(change: int) -> None:
    """Says that a task's module is being imported (+1), or was (-1)."""
    _importing.active += change


def _pass_at(n: int, c: int, k: int) -> float:
    """1 - C(n-c, k)/C(n, k), the unbiased estimate of Chen et al. 2021."""
    return 1.0 - (math.comb(n - c, k) / math.comb(n, k) if n - c >= k else 0.0)


def _passes(program: str, tests: str) -> bool:
    from evalkit.sandbox import Program, ProgramOutcome

    result = _sandbox().run_now(Program(program, tests, _entry(program, tests)))
    if result.outcome is ProgramOutcome.SANDBOX_ERROR:
        raise RuntimeError(f"the sandbox could not run the program: {result.message}")
    return result.passed


def _entry(program: str, tests: str) -> tuple[str, ...]:
    """The program's own names that the tests use; none where it is not Python, and the tests then fail."""
    try:
        body = ast.parse(program).body
        used = {node.id for node in ast.walk(ast.parse(tests)) if isinstance(node, ast.Name)}
    except (SyntaxError, ValueError, RecursionError):
        return ()
    defined = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return tuple(name for name in dict.fromkeys(defined) if name in used)


@cache
def _sandbox() -> Sandbox:
    from evalkit.sandbox import ResourceLimits, open_sandbox

    return open_sandbox(ResourceLimits(cpu=_CPU_SECONDS, idle=_CPU_SECONDS))
