"""Generated programs, run against a problem's tests in the sandbox."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Literal

from evalkit.core import Reply, Sample, Score, Scorer, ScoreSample, UsageError, Validity
from evalkit.scoring.extraction import complete, python_code
from evalkit.scoring.extraction.replies import Stripped, without_thought
from evalkit.scoring.metrics import pass_at_k

if TYPE_CHECKING:
    from evalkit.sandbox import ResourceLimits, Result, Sandbox

Form = Literal["continue", "program", "chat", "last_block"]
Same = Literal["near", "decimals"]
_MIB = 1 << 20
_SHOWN = 300
_KEPT = 4000
"""Characters of a program's output that a record keeps."""


@dataclass(frozen=True, slots=True)
class _OpenFirst(ScoreSample):
    """Opens a sandbox for the sample that it scores; a run makes the scorer ready beforehand instead."""

    ready: Callable[[bool], Scorer]

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        return await self.ready(False).score(sample, replies)


def code_tests(
    *,
    form: Form = "continue",
    cpu: float = 15.0,
    memory: int = 1024,
    output: int = 1024,
    packages: tuple[str, ...] = (),
    same: Same = "near",
) -> Scorer:
    """The proportion of a reply's texts that pass the problem's tests, as `passed`, and how many were tried,
    `attempts`.

    `same` says when a printed output is the expected one: "near" where all numbers are (1e-6), however lines are
    broken, "decimals" where as many lines hold the same texts or the same decimal numbers, as LiveCodeBench has it.

    `form` says what a text is. "continue": it continues `prefix`. "program": it is a whole program. "chat": a reply
    with a code block somewhere, a whole program or the rest of one. "last_block": the lines between the last two
    fences, and nothing else. A reply of a chat model (see `write_code`) is read as "chat" whatever `form` is. `cpu` is
    in seconds, `memory` in MiB, `output` in KiB. `packages` are packages that tests and programs may import.

    The sample's `data` hold the problem: `tests` (statements), `entry` (the names that the tests call) and where
    needed `prefix`, or, for a program that reads and writes, `inputs` and `outputs`: a test each; and `imports`,
    statements ahead of every program.

    The answer of `attempts` says how each text ended, one word each. The details of `passed` have what every program
    printed, as `programs` (test, outcome, stdout, stderr, seconds of wall time; long output is cut). A text that could
    not be tried (sandbox error, after retries) is neither right nor wrong. It leaves n, and a sample without any other
    text leaves the run's n.

    Making the scorer ready raises UsageError if nothing can isolate programs (see `evalkit.sandbox`).
    """
    if cpu <= 0 or memory < 64 or output < 1:
        raise UsageError("cpu must be positive, memory at least 64 (MiB) and output at least 1 (KiB)")
    settings = {"form": form, "cpu": f"{cpu:g}s", "memory": f"{memory}MiB", "output": f"{output}KiB"}
    if same != "near":
        settings["same"] = same
    if packages:
        settings["packages"] = "+".join(packages)
    limits = _Limits(cpu, memory * _MIB, output * 1024)

    def ready(unsafe: bool) -> Scorer:
        from evalkit.sandbox import open_sandbox

        sandbox = open_sandbox(limits.full(), packages=packages, unsafe=unsafe)
        python = ".".join(str(sandbox.greeting["python"]).split(".")[:2])
        told = settings | {"python": python} | ({"unsafe": sandbox.engine} if unsafe else {})
        return replace(scorer, score=_RunTests(sandbox, form, same), settings=told, ready=None)

    scorer = Scorer("code_tests", _OpenFirst(ready), ("passed", "attempts"), (pass_at_k(1),), settings, ready=ready)
    return scorer


@dataclass(frozen=True, slots=True)
class _Limits:
    """The limits that are settings; the others follow from them."""

    cpu: float
    memory: int
    output: int

    def full(self) -> ResourceLimits:
        from evalkit.sandbox import ResourceLimits

        # A processor shared with nine others still lets a program use all of its time.
        wall = max(60.0, 10 * self.cpu)
        return ResourceLimits(cpu=self.cpu, idle=self.cpu, wall=wall, memory=self.memory, output=self.output)


@dataclass(frozen=True, slots=True)
class _RunTests(ScoreSample):
    sandbox: Sandbox
    form: Form
    same: Same = "near"

    async def __call__(self, sample: Sample, replies: tuple[Reply, ...]) -> tuple[Score, ...]:
        if not replies or not replies[-1].texts:
            raise ValueError("this scorer reads generated text and the reply holds none; use generate() as the method")
        reply = replies[-1]
        form: Form = "chat" if "chat" in reply.notes else self.form
        tried = await asyncio.gather(*(self._try(sample, text, form) for text in without_thought(reply)))
        measured = [one for one in tried if one.word != "sandbox-error"]
        words = " ".join(one.word for one in tried)
        if not measured:
            lost = Score("passed", math.nan, words, tried[0].reason, Validity.SANDBOX_ERROR, details=_programs(tried))
            return lost, replace(lost, name="attempts", details={})
        proportion = sum(one.word == "passed" for one in measured) / len(measured)
        flags = tuple(sorted({flag for one in measured for flag in one.flags}))
        answer = tried[0].code if len(tried) == 1 else None
        validity = _validity(measured, reply.finish)
        passed = Score("passed", proportion, answer, _reason(tried), validity, flags=flags, details=_programs(tried))
        return passed, Score("attempts", float(len(measured)), words)

    async def _try(self, sample: Sample, stripped: Stripped, form: Form) -> _Tried:
        if stripped.unterminated:
            return _Tried("", "unfinished", "reasoning was not finished")
        code = _program(sample, stripped.text, form)
        if not stripped.text.strip() or not code.strip():
            return _Tried("", "no-code", "no code in the reply")
        ran = await self._run(sample, code)
        result = ran[-1][1]
        word = str(result.outcome).replace(" ", "-")
        if word in ("exception", "exited") and result.kind:
            word = result.kind.replace(" ", "-")
        shown = code if form in ("chat", "last_block") else stripped.text
        return _Tried(shown, word, _words(result), tuple(result.flags), tuple(ran))

    async def _run(self, sample: Sample, code: str) -> list[tuple[str, Result]]:
        """What was run, by the name of its test; the last one decides."""
        from evalkit.sandbox import Program

        data = sample.data
        code = str(data.get("imports", "")) + code
        if "tests" in data:
            program = Program(code, str(data["tests"]), _names(sample), prelude=str(data.get("prefix", "")))
            return [("tests", await self.sandbox.run(program))]
        if "inputs" in data:
            return await self._run_inputs(code, data["inputs"], data["outputs"])
        raise ValueError("the sample's data hold neither `tests` nor `inputs` and `outputs`")

    async def _run_inputs(self, code: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> list[tuple[str, Result]]:
        """Run the program on one input after another until an output is not the expected one; those before are one."""
        from evalkit.sandbox import Program, ProgramOutcome, Result

        passed: Result | None = None
        limit = self.sandbox.limits.output
        for number, (given, wanted) in enumerate(zip(inputs, outputs, strict=True), 1):
            found = await self.sandbox.run(Program(code, stdin=_text(given)), output=limit)
            agree = same_output if self.same == "near" else same_decimals
            if found.passed and not agree(found.stdout, _text(wanted)):
                message = f"input {number}: printed {found.stdout[:100]!r}, expected {_text(wanted)[:100]!r}"
                found = replace(found, outcome=ProgramOutcome.WRONG, message=message)
            elif not found.passed:
                last = (found.stderr.strip().splitlines() or [""])[-1]
                found = replace(found, message=f"input {number}: {found.message or last}")
            if not found.passed:
                before = [(_inputs(number - 1), passed)] if passed else []
                return [*before, (f"input {number}", found)]
            passed = replace(found, wall=found.wall + (passed.wall if passed else 0.0))
        if passed is None:
            return [("inputs", Result(ProgramOutcome.WRONG, message="the problem has no inputs"))]
        return [(_inputs(len(inputs)), passed)]


def _inputs(count: int) -> str:
    return "input 1" if count == 1 else f"inputs 1 to {count}"


def _program(sample: Sample, text: str, form: Form) -> str:
    prefix, names = str(sample.data.get("prefix", "")), _names(sample)
    if form == "last_block":
        return _last_block(text)
    if form != "chat":
        return prefix + text if form == "continue" else text
    code = python_code(text, names)
    return complete(prefix, code, names) if prefix and code else code


def _last_block(text: str) -> str:
    """The lines between the last two that hold a fence; nothing where there are fewer."""
    lines = text.split("\n")
    fences = [number for number, line in enumerate(lines) if "```" in line]
    return "\n".join(lines[fences[-2] + 1 : fences[-1]]) if len(fences) > 1 else ""


@dataclass(frozen=True, slots=True)
class _Tried:
    """One completion: the code that was run, how it ended in a word, and why."""

    code: str
    word: str
    reason: str
    flags: tuple[str, ...] = ()
    ran: tuple[tuple[str, Result], ...] = ()


def _programs(tried: Sequence[_Tried]) -> dict[str, Any]:
    """What every text's program came to, as a report shows it."""
    told = []
    for number, one in enumerate(tried, 1):
        which = f"text {number}: " if len(tried) > 1 else ""
        for test, result in one.ran:
            word = one.word if result is one.ran[-1][1] else str(result.outcome)
            entry = {
                "test": which + test,
                "outcome": word,
                "stdout": _cut(result.stdout),
                "stderr": _cut(result.stderr),
            }
            message = {"message": result.message[:_SHOWN]} if result.message else {}
            told.append({**entry, "seconds": round(result.wall, 4), **message})
        if not one.ran:
            told.append({"test": which + "not run", "outcome": one.word, "stdout": "", "stderr": "", "seconds": 0.0})
    return {"programs": told}


def _cut(text: str) -> str:
    """A text's beginning and end, and how much was left out between them."""
    if len(text) <= _KEPT:
        return text
    half = _KEPT // 2
    return f"{text[:half]}\n[… {len(text) - _KEPT:,} characters left out …]\n{text[-half:]}"


def same_output(printed: str, wanted: str) -> bool:
    """Whether two outputs agree: line by line without white space at the ends, or number by number within 1e-6."""
    ours, theirs = printed.split("\n"), wanted.split("\n")
    if [line.strip() for line in ours if line.strip()] == [line.strip() for line in theirs if line.strip()]:
        return True
    left, right = printed.split(), wanted.split()
    if len(left) != len(right):
        return False
    return all(a == b or _close(a, b) for a, b in zip(left, right, strict=True))


def same_decimals(printed: str, wanted: str) -> bool:
    """Whether two outputs have as many lines, each the same text or the same decimal numbers, without white space at
    the ends of lines and of the whole."""
    ours, theirs = ([line.strip() for line in text.strip().split("\n")] for text in (printed, wanted))
    return len(ours) == len(theirs) and all(
        one == other or _decimals(one) == _decimals(other) is not None for one, other in zip(ours, theirs, strict=True)
    )


def _decimals(line: str) -> list[Decimal] | None:
    try:
        return [Decimal(part) for part in line.split()]
    except InvalidOperation:
        return None


def _close(one: str, other: str) -> bool:
    # Only numbers with a point: two whole numbers are equal or they are not.
    if "." not in one and "." not in other:
        return False
    try:
        return math.isclose(float(one), float(other), rel_tol=1e-6, abs_tol=1e-6)
    except ValueError:
        return False


def _text(value: Any) -> str:
    """An input or output as text; some data sets give its lines as a list."""
    return "\n".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _names(sample: Sample) -> tuple[str, ...]:
    entry = sample.data.get("entry", ())
    return (entry,) if isinstance(entry, str) else tuple(map(str, entry))


def _words(result: Result) -> str:
    said = f"{result.outcome}: {result.kind}" if result.kind and not result.passed else str(result.outcome)
    if result.message:
        said += f": {result.message}"
    if result.stderr.strip() and not result.passed and not result.message:
        said += f": {result.stderr.strip().splitlines()[-1]}"
    return said[:_SHOWN]


def _reason(tried: Sequence[_Tried]) -> str:
    if len(tried) == 1:
        return tried[0].reason
    return ", ".join(f"{count} {word}" for word, count in Counter(one.word for one in tried).most_common())


_VALIDITIES = {
    "timeout": Validity.TIMEOUT,
    "memory": Validity.MEMORY,
    "no-code": Validity.NO_ANSWER,
    "unfinished": Validity.CUT_THOUGHT,
}


def _validity(tried: Sequence[_Tried], finish: Sequence[str]) -> Validity:
    """What all completions have in common; one that ran to its token limit counts as it is and shows."""
    words = {one.word for one in tried}
    if len(words) == 1 and (found := _VALIDITIES.get(next(iter(words)))):
        return found
    return Validity.LENGTH if finish and all(end == "length" for end in finish) else Validity.OK
