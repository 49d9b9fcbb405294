"""Sandboxes for many programs at once: one warm worker per processor, retried where the machinery failed."""

from __future__ import annotations

import asyncio
import atexit
import functools
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from evalkit.core import UsageError
from evalkit.sandbox import engines
from evalkit.sandbox.process import LostWorkerError, Worker
from evalkit.sandbox.program import Program, ProgramOutcome, ResourceLimits, Result

ATTEMPTS = 3
ENGINES = ("bubblewrap", "podman", "docker")


class LocalSandbox:
    """Runs programs on this machine.

    Each thread of the executor owns a worker, because the kernel ties a worker's life to the thread that started it.
    """

    def __init__(self, engine: str, limits: ResourceLimits, packages: Sequence[str], workers: int) -> None:
        self.engine, self.limits, self.packages, self.workers = engine, limits, tuple(packages), workers
        self._executor = ThreadPoolExecutor(workers, "evalkit-sandbox")
        self._own = threading.local()
        self._all: set[Worker] = set()
        self._lock = threading.Lock()
        self._closed = False
        self.greeting: Mapping[str, Any] = {}

    async def run(self, program: Program, *, output: int = 0) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._run, program, output)

    def run_now(self, program: Program, *, output: int = 0) -> Result:
        return self._executor.submit(self._run, program, output).result()

    def close(self) -> None:
        self._closed = True
        with self._lock:
            workers, self._all = self._all, set()
        for worker in workers:
            worker.close()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _run(self, program: Program, output: int) -> Result:
        why = ""
        for _ in range(ATTEMPTS):
            try:
                worker = self._worker()
                found = worker.run(program, output)
            except LostWorkerError as error:
                why = str(error)
                self._discard()
                continue
            if found.pop("recycle"):
                self._discard()
            if found["outcome"] != ProgramOutcome.SANDBOX_ERROR:
                return _result(found)
            why = found.get("message", "")
        return Result(ProgramOutcome.SANDBOX_ERROR, message=why)

    def _worker(self) -> Worker:
        worker: Worker | None = getattr(self._own, "worker", None)
        if worker is None:
            if self._closed:
                raise LostWorkerError("the sandbox was closed")
            worker = self._own.worker = Worker(self.engine, self.limits, self.packages)
            self.greeting = worker.greeting
            with self._lock:
                self._all.add(worker)
        return worker

    def _discard(self) -> None:
        worker: Worker | None = getattr(self._own, "worker", None)
        self._own.worker = None
        if worker is not None:
            with self._lock:
                self._all.discard(worker)
            worker.close()


def _result(found: dict[str, Any]) -> Result:
    return Result(
        ProgramOutcome(found["outcome"]),
        kind=str(found.get("kind", "")),
        message=str(found.get("message", "")),
        stdout=found.get("output", ""),
        stderr=found.get("errors", ""),
        cpu=found["cpu"],
        wall=found["wall"],
        flags=tuple(found.get("flags", ())),
    )


_OPEN: dict[tuple[object, ...], LocalSandbox] = {}


def open_here(limits: ResourceLimits, packages: tuple[str, ...], *, unsafe: bool, workers: int | None) -> LocalSandbox:
    """A sandbox of this process; see `open_sandbox`."""
    engine = engines.UNSAFE if unsafe else usable_engine()
    workers = workers or _processors()
    key = (engine, limits, packages, workers)
    if key not in _OPEN:
        sandbox = LocalSandbox(engine, limits, packages, workers)
        tried = sandbox.run_now(Program("def works():\n    return True\n", "assert works()", ("works",)))
        if not tried.passed:
            sandbox.close()
            raise UsageError(f"the sandbox ({engine}) does not run programs", found=tried.message or tried.outcome)
        _OPEN[key] = sandbox
    return _OPEN[key]


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def usable_engine() -> str:
    """The first engine that isolates here, or the one that `EVALKIT_SANDBOX` names; UsageError where there is none."""
    wanted = os.environ.get("EVALKIT_SANDBOX", "")
    if wanted and wanted not in ENGINES:
        raise UsageError(f"EVALKIT_SANDBOX names no engine: {wanted!r}", fix="one of " + ", ".join(ENGINES))
    reasons = {}
    for engine in (wanted,) if wanted else ENGINES:
        reasons[engine] = why_not(engine)
        if not reasons[engine]:
            return engine
    raise UsageError(
        "this task runs code that a model wrote, and nothing here can isolate it",
        found="; ".join(reasons.values()),
        fix=f"{engines.INSTALL}; or --unsafe-code subprocess, which lets that code read and change your files",
    )


def why_not(engine: str) -> str:
    """Why an engine cannot isolate here, or "" where a program ran in it."""
    if engine != "bubblewrap" and (reason := engines.answers(engine)):
        return reason
    try:
        worker = Worker(engine, ResourceLimits(), ())
    except UsageError as error:
        return error.wrong
    except LostWorkerError as error:
        return f"{engine} does not work here: {error}"
    worker.close()
    return "" if worker.greeting["pid"] == 1 else f"{engine} gives no process namespace"


def close_here() -> None:
    """End every sandbox of this process."""
    while _OPEN:
        _OPEN.popitem()[1].close()


atexit.register(close_here)
