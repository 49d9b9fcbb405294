"""The first process in the sandbox: a warm interpreter that forks for every program and clears up after it.

It reads jobs from its standard input and writes one verdict each to its standard output. It never holds a program's
text or a problem's tests in its own memory (they go from descriptor to descriptor), so that the processes it forks
cannot find them there.
"""

from __future__ import annotations

import _socket
import base64
import contextlib
import gc
import json
import math
import os
import resource
import signal
import sys
import time
from typing import Any, NoReturn

from evalkit.sandbox.inside import checks, confine, link, program, watch

# Every module makes every fork dearer; these are what most programs of the usual benchmarks import.
_WARM = "bisect collections copy functools heapq itertools json math operator re string typing"
_TICK = 0.1
_LEFT_FILES = 1000
_SHOWN = 2000
_SETTLING = 1.0
_LOST = b'{"outcome": "lost"}\n'
HEADER = 17


class Worker:
    """`run` does one program after another; `recycle` says that the sandbox should not be used again."""

    def __init__(self, settings: dict[str, Any], jobs: int, verdicts: int) -> None:
        self._settings = settings
        self._jobs, self._verdicts = jobs, verdicts
        self._contained = os.getpid() == 1
        self._folders = settings["folders"]
        names = ("source", "tests", "input", "output", "errors", "verdict")
        self._files = {name: os.memfd_create(name) for name in names}
        self._recycle = False

    def prepare(self) -> dict[str, Any]:
        """Import what programs often use, then give up every right that is not needed. Returns the greeting."""
        for name in _WARM.split():
            __import__(name)
        # Threads of a linear algebra library would not survive the fork.
        os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        sys.path += self._settings["paths"]
        for name in self._settings["packages"]:
            __import__(name)
        os.environ.clear()
        # Programs have no use for these names; in here the modules are held by each other.
        self._modules = [sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "evalkit"]
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        filtered = confine.close_off(base64.b64decode(self._settings["filter"]))
        s = self._settings
        confine.limit_tree(s["memory"], s["processes"] + 3, s["files"], s["own_users"])
        gc.collect()
        gc.freeze()
        gc.disable()
        return {"pid": os.getpid(), "filtered": filtered, "python": ".".join(map(str, sys.version_info[:3]))}

    def run(self) -> None:
        """Serve until the input ends."""
        while True:
            try:
                header = link.exactly(self._jobs, HEADER)
            except link.ClosedError:
                return
            sizes = [int.from_bytes(header[i : i + 4], "big") for i in range(0, 16, 4)]
            for name, size in zip(("source", "tests", "input"), sizes, strict=False):
                _transfer(self._jobs, self._files[name], size)
            for name in ("output", "errors", "verdict"):
                os.ftruncate(self._files[name], 0)
                os.lseek(self._files[name], 0, os.SEEK_SET)
            started, before = time.monotonic(), _children_cpu()
            try:
                found = self._one(script=header[16:] == b"s", cut=sizes[3])
            except OSError as error:
                _end_all(self._contained)
                found, self._recycle = {"outcome": "sandbox error", "message": str(error)}, True
            found["cpu"] = round(_children_cpu() - before, 4)
            found["wall"] = round(time.monotonic() - started, 4)
            found["recycle"] = self._recycle or not all(map(_cleared, self._folders))
            link.send(self._verdicts, found)

    def _one(self, *, script: bool, cut: int) -> dict[str, Any]:
        theirs, ours = _socket.socketpair()
        tested = os.fork()
        if tested == 0:
            self._become_program(theirs.detach(), script)
        checker = 0
        if not script:
            checker = os.fork()
            if checker == 0:
                self._become_checks(ours.detach())
        theirs.close()
        ours.close()
        ended, stopped = self._wait(tested, checker)
        killed = _end_all(self._contained)
        found = self._verdict(stopped) or _ending(ended.get(tested), ended.get(checker), script=script)
        found["flags"] = [*found.get("flags", ()), *["left-processes"] * bool(set(killed) - {tested, checker})]
        return found | self._texts(cut)

    def _become_program(self, link_fd: int, script: bool) -> NoReturn:
        try:
            os.dup2(link_fd, 3)
            source = link.read_all(self._files["source"])
            self._become(3 if not script else 2)
            if script:
                program.run_script(source)
            else:
                program.Server(3).serve(source)
            sys.stdout.flush()
        except link.ClosedError:
            os._exit(0)
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else int(error.code is not None)
            if error.code is not None and not isinstance(error.code, int):
                sys.stderr.write(f"{error.code}\n")
            _flush()
            os._exit(code & 255)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            _flush()
            os._exit(1)
        _flush()
        os._exit(0)

    def _become_checks(self, link_fd: int) -> NoReturn:
        try:
            job = json.loads(link.read_all(self._files["tests"]))
            verdict = os.dup(self._files["verdict"])
            low, high = 3, max(verdict, link_fd) + 2
            os.dup2(verdict, high)
            os.dup2(link_fd, low)
            os.dup2(high, low + 1)
            self._become(low + 1)
            found = checks.judge(low, job)
            data = json.dumps(found).encode()
            os.write(low + 1, data + b"\n")
        except MemoryError:
            os.write(low + 1, b'{"outcome": "exception", "kind": "MemoryError", "message": ""}\n')
        finally:
            os._exit(0)

    def _become(self, last: int) -> None:
        """A process of its own session with standard streams, limits, and no descriptor above `last`."""
        os.setsid()
        os.lseek(self._files["input"], 0, os.SEEK_SET)
        for number, name in enumerate(("input", "output", "errors")):
            os.dup2(self._files[name], number)
        os.closerange(last + 1, 64 + 3 * len(self._files))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        gc.enable()
        os.chdir(self._folders[0])
        confine.limit_program(math.ceil(self._settings["cpu"]), self._settings["file_size"])

    def _wait(self, tested: int, checker: int) -> tuple[dict[int, int], str]:
        """Until the checks (of a script: the program) have ended, or a limit is hit: (pid to status, limit)."""
        ended: dict[int, int] = {}
        usage = watch.Usage(os.getpid())
        limits, started, looked = self._settings, time.monotonic(), time.monotonic()
        while True:
            signal.sigtimedwait({signal.SIGCHLD}, _TICK)
            _reap(ended)
            if tested in ended or checker in ended:
                self._settle(ended, tested, checker)
                return ended, ""
            if time.monotonic() - looked < _TICK:
                continue
            usage.look()
            looked = time.monotonic()
            written = max(os.fstat(self._files[name]).st_size for name in ("output", "errors"))
            if written > limits["output"]:
                return ended, "output"
            if usage.memory > limits["memory"]:
                return ended, "memory"
            if usage.cpu > limits["cpu"] or usage.idle > limits["idle"] or looked - started > limits["wall"]:
                return ended, "timeout"

    def _settle(self, ended: dict[int, int], tested: int, checker: int) -> None:
        """Without a verdict, how both ended says what happened; one closes its files a little before it is gone."""
        deadline = time.monotonic() + _SETTLING
        while checker and not (tested in ended and checker in ended) and time.monotonic() < deadline:
            if link.read_all(self._files["verdict"]) not in (b"", _LOST):
                return
            signal.sigtimedwait({signal.SIGCHLD}, _TICK)
            _reap(ended)

    def _verdict(self, stopped: str) -> dict[str, Any] | None:
        """What a limit or the checks decided; None where the program ended without a verdict."""
        files, limits = self._files, self._settings
        if max(os.fstat(files[name]).st_size for name in ("output", "errors")) > limits["output"]:
            stopped = "output"
        if stopped:
            return {"outcome": stopped}
        written = link.read_all(files["verdict"])
        # A verdict is whole only with the line's end; its writer may have been killed.
        found: dict[str, Any] = json.loads(written) if written.endswith(b"\n") else {"outcome": "lost"}
        if found["outcome"] == "lost":
            return None
        if found.get("kind") == "MemoryError":
            found["outcome"] = "memory"
        return found

    def _texts(self, cut: int) -> dict[str, str]:
        most = max(cut, _SHOWN)
        return {
            name: link.read_all(self._files[name], most).decode("utf-8", "replace") for name in ("output", "errors")
        }


def _ending(tested: int | None, checker: int | None, *, script: bool) -> dict[str, Any]:
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


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            continue


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _reap(ended: dict[int, int]) -> None:
    """Collect every child that has ended."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            ended[pid] = status


def _end_all(contained: bool) -> list[int]:
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


def _transfer(source: int, file: int, size: int) -> None:
    """Fill a file with so many bytes of a pipe, without a copy in this process where the kernel can."""
    os.ftruncate(file, 0)
    os.lseek(file, 0, os.SEEK_SET)
    while size:
        try:
            moved = os.splice(source, file, size)
        except OSError:
            moved = os.write(file, os.read(source, min(size, 1 << 16)))
        if not moved:
            raise EOFError
        size -= moved


def _cleared(folder: str) -> bool:
    """Empty a folder; False where that takes too long or cannot be done, and the sandbox is better replaced."""
    try:
        _clear(folder, [_LEFT_FILES])
    except (OSError, RecursionError, ValueError):
        return False
    return True


def _clear(folder: str, left: list[int]) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            left[0] -= 1
            if left[0] < 0:
                raise ValueError("too many files")
            if entry.is_dir(follow_symlinks=False):
                os.chmod(entry.path, 0o700)
                _clear(entry.path, left)
                os.rmdir(entry.path)
            else:
                os.unlink(entry.path)


def main() -> None:
    """Move the job and verdict pipes away from the standard streams, greet, and serve."""
    jobs, verdicts = os.dup(0), os.dup(1)
    nothing = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    settings = link.receive(jobs)
    worker = Worker(settings, jobs, verdicts)
    link.send(verdicts, worker.prepare())
    worker.run()
