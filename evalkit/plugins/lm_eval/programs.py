"""Functions by which a task's own Python runs programs, given a body that runs them in evalkit's sandbox.

The body is replaced, not the name: whoever imported the function before calls the sandbox as well.
"""

from __future__ import annotations

import ast
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalkit.sandbox import Sandbox

__all__ = ["SandboxFailedError", "contain", "cpp_passes", "is_unsafe", "python_passes", "runners_in"]

_PYTHON_SECONDS = 15.0
_CPP_SECONDS = 45.0
_CASES, _CASE_SECONDS = 10, 3


class SandboxFailedError(BaseException):
    """The sandbox could not run a program. No `Exception`, which tasks catch and count as a wrong answer."""


def is_unsafe(source: str) -> bool:
    """Whether a module runs programs by itself: it calls `exec` or starts processes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "exec":
            return True
        if isinstance(node, ast.Import) and any(alias.name == "subprocess" for alias in node.names):
            return True
        if isinstance(node, ast.ImportFrom) and node.module == "subprocess":
            return True
    return False


def runners_in(source: str) -> list[str]:
    """The functions of a module that are known to run programs, by name and parameters."""
    return [
        node.name
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and (node.name, tuple(one.arg for one in node.args.args)) in _BODIES
    ]


def contain(module: ModuleType) -> None:
    """Have the module's programs run in the sandbox; whatever else of it could run one is refused when it is called."""
    for value in list(vars(module).values()):
        if isinstance(value, FunctionType):
            code = value.__code__
            body = _BODIES.get((value.__name__, code.co_varnames[: code.co_argcount]))
            if body is not None:
                value.__code__ = body
    for name in ("exec", "Popen", "subprocess", "multiprocessing"):
        if name == "exec" or hasattr(module, name):
            setattr(module, name, _Refusing(name))


class _Refusing:
    """In place of what runs programs outside of the sandbox."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        raise SandboxFailedError(f"the task would run a program outside of the sandbox: {self._name}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise SandboxFailedError(f"the task would run a program outside of the sandbox: {self._name}()")


def python_passes(program: str) -> bool:
    """Whether a program runs to its end and raises nothing. Raises SandboxFailedError where it could not be run.

    Its last line prints a word that it cannot know, so that ending early is not passing.
    """
    from evalkit.sandbox import Program

    word = secrets.token_hex(16)
    result = _run(_sandbox(_PYTHON_SECONDS), Program(f"{program}\nprint({word!r})"), 1 << 20)
    return bool(result.passed and result.stdout.rstrip().endswith(word))


def cpp_passes(source: str, cases: Sequence[tuple[Sequence[str], Sequence[str]]]) -> tuple[bool, str]:
    """(whether a C++ program writes for each of the first ten inputs the lines that are expected, else why not).

    It is compiled and run in the sandbox. What is expected stays outside: digests of what it wrote are compared here.
    """
    from evalkit.sandbox import Program

    asked = ["\n".join(inputs) + "\n" for inputs, _ in cases[:_CASES]]
    given = json.dumps({"source": source, "inputs": asked, "seconds": _CASE_SECONDS})
    result = _run(_sandbox(_CPP_SECONDS), Program(_COMPILED, stdin=given), 1 << 16)
    try:
        found = json.loads(result.stdout)
    except ValueError:
        return False, str(result.outcome)
    if found == "no g++":
        raise SandboxFailedError("the task's programs are C++, and g++ is not installed")
    if not isinstance(found, list):
        return False, "compilation error"
    expected = [hashlib.sha256(("\n".join(lines) + "\n").encode()).hexdigest() for _, lines in cases[:_CASES]]
    return (True, "") if found == expected else (False, "inconsistent")


_COMPILED = """
import hashlib, json, os, resource, subprocess, sys
os.environ["PATH"] = "/usr/local/bin:/usr/bin:/bin"
given = json.load(sys.stdin)
with open("program.cpp", "w") as file:
    file.write(given["source"])
try:
    made = subprocess.run(
        ["g++", "-std=c++11", "-O", "-o", "program.bin", "program.cpp"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
except FileNotFoundError:
    json.dump("no g++", sys.stdout)
    sys.exit(0)
found = "compilation error"
if made.returncode == 0:
    found = []
    for text in given["inputs"]:
        seconds = given["seconds"]
        done = subprocess.run(
            ["./program.bin"], input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds)),
        )
        killed = done.returncode in (-24, -9)
        found.append("timeout" if killed else hashlib.sha256(done.stdout).hexdigest())
json.dump(found, sys.stdout)
"""


def _run(sandbox: Sandbox, program: Any, output: int) -> Any:
    from evalkit.sandbox import ProgramOutcome

    result = sandbox.run_now(program, output=output)
    if result.outcome is ProgramOutcome.SANDBOX_ERROR:
        raise SandboxFailedError(f"the sandbox could not run the program: {result.message}")
    return result


@cache
def _sandbox(seconds: float) -> Sandbox:
    from evalkit.sandbox import ResourceLimits, open_sandbox

    return open_sandbox(ResourceLimits(cpu=seconds, idle=seconds))


# These two lend their code to functions of other modules: they use nothing of this module but what they import.
def _check_correctness(check_program: str, timeout: float = 3) -> bool:
    from evalkit.plugins.lm_eval.programs import python_passes

    return python_passes(check_program)


def _evaluate_spoc_code(code: str, testcases: Any) -> tuple[bool, str]:
    from evalkit.plugins.lm_eval.programs import cpp_passes

    return cpp_passes(globals()["_SPOC_IMPORT_HEADER"] + code, testcases)


def _body(function: Callable[..., Any]) -> CodeType:
    assert isinstance(function, FunctionType)
    return function.__code__


_BODIES: Mapping[tuple[str, tuple[str, ...]], CodeType] = {
    ("check_correctness", ("check_program", "timeout")): _body(_check_correctness),
    ("_evaluate_spoc_code", ("code", "testcases")): _body(_evaluate_spoc_code),
}
"""By name and parameters: that of human-eval, which CRUXEval has copied, and that of LongProc."""
