"""What the worker does between programs: fill files, end processes, name how one ended."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import Any

from evalkit.sandbox.inside import watch


def ending(tested: int | None, checker: int | None, *, script: bool) -> dict[str, Any]:
    """The outcome of a program without a verdict, from the wait statuses of those that ended by themselves."""
    for status, whose in ((tested, "the program was"), (checker, "its checks were")):
        if status is not None and os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number == signal.SIGXCPU:
                return {"outcome": "timeout"}
            flags = ["checks-killed"] if status is checker else []
            message = f"{whose} ended by a signal"
            return {"outcome": "exited", "kind": signal.Signals(number).name, "message": message, "flags": flags}
    code = os.WEXITSTATUS(tested or 0)
    if script and code == 0:
        return {"outcome": "passed"}
    return {"outcome": "exited", "kind": f"status {code}", "message": "" if script else "ended before its checks did"}


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            continue


def reap(ended: dict[int, int]) -> None:
    """Collect every child that has ended."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            ended[pid] = status


def end_all(contained: bool) -> list[int]:
    """Kill everything but this process until nothing is left; returns whom."""
    ended = []
    while True:
        for pid in [-1] if contained else watch.descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            ended.append(os.waitpid(-1, 0)[0])
        except ChildProcessError:
            return ended


def transfer(source: int, file: int, size: int) -> None:
    """Fill a new file with so many bytes of a pipe, without a copy in this process where the kernel can."""
    while size:
        try:
            moved = os.splice(source, file, size)
        except OSError:
            moved = os.write(file, os.read(source, min(size, 1 << 16)))
        if not moved:
            raise EOFError
        size -= moved
    os.lseek(file, 0, os.SEEK_SET)
