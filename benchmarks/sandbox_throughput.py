"""How many small programs a second the sandbox judges, beside a fresh sandboxed process for each of them.

    python benchmarks/sandbox_throughput.py --programs 10000

Both sides run on as many workers, take turns in slices so that a drifting machine meets both, and must agree on every
program. The fresh process gets the same walls and the same interpreter, starts without site packages, and runs
program and tests together; it does without the process of their own that the tests have in a worker. As many
of its programs as `--share` says are run, since it is slow. Then the programs run again while `--busy` other
processes want the processors, and every outcome must be the same.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from evalkit.sandbox import Program, ProgramOutcome, ResourceLimits, Sandbox, open_sandbox, usable_engine
from evalkit.sandbox.engines import launch

_SLICES = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--share", type=float, default=0.1, help="of the programs in fresh processes, too")
    parser.add_argument("--busy", type=int, default=4, help="processes that load the machine in the last run")
    given = parser.parse_args()
    programs = [small_program(number) for number in range(given.programs)]
    sandbox = open_sandbox(workers=given.workers)
    fresh = max(_SLICES, int(given.programs * given.share))
    print(f"{usable_engine()}, {given.workers} workers, {given.programs:,} programs, {fresh:,} of them fresh, too")
    outcomes: list[ProgramOutcome] = []
    alone: list[bool] = []
    warm_seconds = fresh_seconds = 0.0
    for part in range(_SLICES):
        begun = time.perf_counter()
        outcomes += judged(sandbox, programs[_cut(len(programs), part) : _cut(len(programs), part + 1)])
        turn = time.perf_counter()
        alone += in_fresh_processes(programs[_cut(fresh, part) : _cut(fresh, part + 1)], given.workers)
        warm_seconds += turn - begun
        fresh_seconds += time.perf_counter() - turn
    differing = sum(one != (other is ProgramOutcome.PASSED) for one, other in zip(alone, outcomes[:fresh], strict=True))
    warm, cold = warm_seconds / len(programs), fresh_seconds / fresh
    print(f"warm worker, forked     {1e3 * warm:8.2f} ms a program   {1 / warm:8.0f} a second")
    print(f"fresh sandboxed process {1e3 * cold:8.2f} ms a program   {1 / cold:8.0f} a second")
    print(f"{cold / warm:.1f} times as fast; verdicts that differ: {differing}")
    print("outcomes:", ", ".join(f"{count:,} {name}" for name, count in Counter(outcomes).most_common()))
    begun = time.perf_counter()
    loaded = under_load(sandbox, programs, given.busy)
    seconds = time.perf_counter() - begun
    changed = sum(one is not other for one, other in zip(outcomes, loaded, strict=True))
    score = sum(one is ProgramOutcome.PASSED for one in outcomes) / len(outcomes)
    score_loaded = sum(one is ProgramOutcome.PASSED for one in loaded) / len(loaded)
    print(f"beside {given.busy} busy processes: {1e3 * seconds / len(programs):.2f} ms a program, changed: {changed}")
    print(f"score {score:.4f} alone, {score_loaded:.4f} beside them")
    sandbox.close()
    if differing or changed:
        raise SystemExit("verdicts differ")


def small_program(number: int) -> Program:
    """A function of a few lines with four assertions; of ten, six are right, two wrong, two raise."""
    kind = number % 10
    body = {6: "total - 1", 7: "None", 8: "total / 0"}.get(kind, "total")
    source = (
        "from typing import List\n\n\n"
        f"def weighed(values: List[int], factor: int = {number}) -> int:\n"
        '    """The sum of the values, each times its place and the factor."""\n'
        "    total = 0\n"
        "    for place, value in enumerate(values):\n"
        "        total += place * value * factor\n"
        f"    return {body}\n"
    )
    if kind == 9:
        source = source.replace("    return total\n", "    return total if values else missing\n")
    wanted = [(values, sum(i * v * number for i, v in enumerate(values))) for values in ([], [7], [1, 2], [3, 0, 5])]
    tests = "".join(f"assert weighed({values}) == {result}\n" for values, result in wanted)
    return Program(source, tests, ("weighed",))


def judged(sandbox: Sandbox, programs: list[Program]) -> list[ProgramOutcome]:
    """What becomes of each in the warm workers."""

    async def work() -> list[ProgramOutcome]:
        return [found.outcome for found in await asyncio.gather(*map(sandbox.run, programs))]

    return asyncio.run(work())


def fresh_command() -> list[str]:
    """The sandbox around a bare interpreter. Root needs no stage for it: that would only slow this side down."""
    command = launch(usable_engine(), ResourceLimits()).command
    command = command[: command.index("-c")]
    stage = next((place for place, part in enumerate(command) if part.endswith("stage.py")), None)
    if stage is None:
        return command
    base, count = command[stage + 2], int(command[stage + 3])
    shown = {f"{base}/{number}": folder for number, folder in enumerate(command[stage + 4 : stage + 4 + count])}
    return [shown.get(part, part) for part in command[stage + 4 + count :]]


def in_fresh_processes(programs: list[Program], workers: int) -> list[bool]:
    """Whether each ends well in a sandbox and an interpreter of its own."""
    command = fresh_command()

    def one(program: Program) -> bool:
        text = f"{program.source}\n{program.tests}"
        done = subprocess.run([*command, "-c", text], capture_output=True, stdin=subprocess.DEVNULL, check=False)
        return done.returncode == 0

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(one, programs))


def under_load(sandbox: Sandbox, programs: list[Program], busy: int) -> list[ProgramOutcome]:
    """The same beside processes that never rest."""
    others = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(busy)]
    try:
        return judged(sandbox, programs)
    finally:
        for process in others:
            process.kill()
            process.wait()


def _cut(count: int, part: int) -> int:
    return count * part // _SLICES


if __name__ == "__main__":
    main()
