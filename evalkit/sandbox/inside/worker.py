"""The first process in the sandbox: a warm interpreter that forks for every program and clears up after it.

It reads jobs from its standard input and writes one verdict each to its standard output. It never holds a program's
text or a problem's tests in its own memory (they go from descriptor to descriptor), so that the processes it forks
cannot find them there.
"""

from __future__ import annotations

import _socket
import base64
import gc
import json
import math
import os
import resource
import signal
import struct
import sys
import time
from typing import Any, NoReturn

from evalkit.sandbox.inside import checks, chores, confine, link, program, traces, watch

# Every module makes every fork dearer; these are what most programs of the usual benchmarks import.
_WARM = "bisect collections copy functools heapq itertools json math operator re string typing"
_TICK = 0.1
_SHOWN = 2000
_SETTLING = 1.0
# So many programs are judged by one process of checks.
_RETIRES = 200
# Bytes that it may have grown by; what it holds counts as memory of the program that it judges.
_GROWN = 16 << 20
_SIGNALS = {signal.SIGCHLD, signal.SIGUSR1}
HEADER = 17
_BY_LIMIT = ("timeout", "memory", "output", "sandbox error")
FILES = ("source", "tests", "input", "output", "errors", "verdict")
# What the process of the checks gets of them, for each program, with its end of the socket to the program.
_CHECKED = ("input", "output", "errors", "tests", "verdict")


class Worker:
    """`run` does one program after another; `recycle` says that the sandbox should not be used again."""

    def __init__(self, settings: dict[str, Any], jobs: int, verdicts: int) -> None:
        self._settings = settings
        self._jobs, self._verdicts = jobs, verdicts
        self._contained = os.getpid() == 1
        self._folders = settings["folders"]
        self._files: dict[str, int] = {}
        self._recycle = False
        self._checker = self._judged = 0
        self._spent = 0.0
        self._large = False
        self._control: Any = None
        self._group = watch.Group(settings["group"], settings["files"])

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
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        s = self._settings
        first, self._last_filter = (
            confine.SystemCallFilter(base64.b64decode(s[name])) for name in ("filter", "last_filter")
        )
        confine.close_off()
        self._filtered = first.put_on()
        confine.limit_tree(s["memory"], s["processes"] + 3, s["files"], s["own_users"])
        self._traces = traces.ChangeableFiles(s["folders"], devices=self._contained)
        gc.collect()
        gc.freeze()
        gc.disable()
        return {"pid": os.getpid(), "filtered": self._filtered, "python": ".".join(map(str, sys.version_info[:3]))}

    def run(self) -> None:
        """Serve until the input ends."""
        while True:
            try:
                header = link.exactly(self._jobs, HEADER)
            except link.ClosedError:
                return
            sizes = [int.from_bytes(header[i : i + 4], "big") for i in range(0, 16, 4)]
            self._renew_files()
            for name, size in zip(("source", "tests", "input"), sizes, strict=False):
                chores.transfer(self._jobs, self._files[name], size)
            started, before = time.monotonic(), self._group.cpu() if self._group else watch.ended_cpu()
            spent = self._spent if self._checker else 0.0
            try:
                found = self._one(script=header[16:] == b"s", cut=sizes[3])
            except OSError as error:
                chores.end_all(self._contained)
                self._checker = 0
                found, self._recycle = {"outcome": "sandbox error", "message": str(error)}, True
            found["cpu"] = round(self._used(spent) - before, 4)
            if found["cpu"] > self._settings["cpu"] and found["outcome"] not in _BY_LIMIT:
                # Used between two looks, or by processes that were gone when one came.
                found |= {"outcome": "timeout", "kind": "", "message": ""}
            found["wall"] = round(time.monotonic() - started, 4)
            found["recycle"] = self._recycle or self._traces.changed()
            link.send(self._verdicts, found)

    def _used(self, spent: float) -> float:
        """Processor time of all programs so far; `spent` by a process of checks before this program."""
        if self._group:
            return self._group.cpu()
        # A process of checks that lives on is not among the children that ended; one that ended, with all it used.
        return watch.ended_cpu() + (self._spent - spent if self._checker else -spent)

    def _renew_files(self) -> None:
        """Files that no earlier program could hold, lock, or set the mode, flags, offset or owner of."""
        for fd in self._files.values():
            os.close(fd)
        self._files = {name: os.memfd_create(name) for name in FILES}

    def _one(self, *, script: bool, cut: int) -> dict[str, Any]:
        if not script and not self._checker:
            self._start_checker()
        usage = self._watched()
        theirs, ours = _socket.socketpair()
        tested = os.fork()
        if tested == 0:
            self._become_program(theirs.detach(), script)
        theirs.close()
        checker = 0 if script else self._checker
        if checker:
            passed_on = struct.pack("6i", ours.fileno(), *(self._files[name] for name in _CHECKED))
            self._control.sendmsg([b"j"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, passed_on)])
        ours.close()
        ended, stopped = self._wait(tested, checker, usage)
        left = self._clear_up(tested, ended, stopped)
        found = self._verdict(stopped) or chores.ending(ended.get(tested), ended.get(checker), script=script)
        self._judged += 1
        self._spent += found.pop("spent", 0.0)
        if self._large and self._checker:
            os.kill(self._checker, signal.SIGKILL)
            os.waitpid(self._checker, 0)
            self._checker = 0
        found["flags"] = [*found.get("flags", ()), *["left-processes"] * left]
        return found | self._texts(cut)

    def _watched(self) -> watch.ResourceUsage:
        if self._group:
            return watch.GroupUsage(os.getpid(), self._group)
        return watch.ResourceUsage(os.getpid(), self._spent if self._checker else 0.0)

    def _clear_up(self, tested: int, ended: dict[int, int], stopped: str) -> bool:
        """End the program and all that it started; whether that was more than itself.

        The checks' process stays for the next program where nothing happened to it: it answers when all others are
        gone, so nothing that was sent to it before can still be on its way.
        """
        checker, own = self._checker, {tested, self._checker}
        if checker and checker not in ended and not stopped and self._judged < _RETIRES:
            if tested not in ended:
                os.kill(tested, signal.SIGKILL)
                os.waitpid(tested, 0)
            chores.reap(ended)
            others = [pid for pid in watch.descendants(os.getpid()) if pid != checker]
            if not others and checker not in ended and self._answers():
                return bool(set(ended) - own)
        gone = chores.end_all(self._contained)
        self._checker = 0
        return bool({*gone, *ended} - own)

    # ------------------------------------------------ the process of the checks

    def _start_checker(self) -> None:
        self._control, theirs = _socket.socketpair()
        self._control.settimeout(_SETTLING)
        self._judged, self._spent = 0, 0.0
        self._checker = os.fork()
        if self._checker == 0:
            self._become_checks(theirs.detach())
        theirs.close()

    def _answers(self) -> bool:
        try:
            self._control.send(b"p")
            return bool(self._control.recv(1) == b"p")
        except OSError:
            return False

    def _become_checks(self, control_fd: int) -> NoReturn:
        """Judge one program after another. It holds the control socket alone, and a program's files while it judges."""
        try:
            os.dup2(control_fd, 3)
            self._become(3)
            size = self._settings["file_size"]
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            self._large_from = _most_memory() + _GROWN
            control = _socket.socket(fileno=3)
            while True:
                message, attached, _, _ = control.recvmsg(1, 64)
                if message == b"p":
                    control.send(b"p")
                elif message == b"j":
                    link_fd, *files = struct.unpack_from("6i", attached[0][2])
                    for number, fd in enumerate(files[:3]):
                        os.dup2(fd, number)
                    self._check(link_fd, *files[3:])
                    os.closerange(4, self._settings["files"])
                    os.kill(os.getppid(), signal.SIGUSR1)
                else:
                    break
        finally:
            os._exit(1)

    def _check(self, link_fd: int, tests: int, verdict: int) -> None:
        os.chdir(self._folders[0])
        before = time.process_time()
        soft = math.ceil(before + self._settings["cpu"]) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
        try:
            found = checks.judge(link_fd, json.loads(link.read_all(tests)))
            found |= {"spent": time.process_time() - before, "large": _most_memory() > self._large_from}
            data = json.dumps(found).encode()
        except MemoryError:
            data = b'{"outcome": "exception", "kind": "MemoryError", "message": "", "large": true}'
        sys.setrecursionlimit(1000)
        os.pwrite(verdict, data + b"\n", 0)

    def _become_program(self, link_fd: int, script: bool) -> NoReturn:
        try:
            os.dup2(link_fd, 3)
            source = link.read_all(self._files["source"])
            self._become(3 if not script else 2)
            confine.limit_program(math.ceil(self._settings["cpu"]), self._settings["file_size"])
            program.add_what_site_adds()
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
            chores.flush()
            os._exit(code & 255)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            chores.flush()
            os._exit(1)
        chores.flush()
        os._exit(0)

    def _become(self, last: int) -> None:
        """A separate process session with standard streams, limits, and no descriptor above `last`."""
        os.setsid()
        for number, name in enumerate(("input", "output", "errors")):
            os.dup2(self._files[name], number)
        os.closerange(last + 1, self._settings["files"])
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        if not self._last_filter.put_on() and self._filtered:
            raise OSError("the system call filter cannot be put on")
        gc.enable()
        os.chdir(self._folders[0])

    def _wait(self, tested: int, checker: int, usage: watch.ResourceUsage) -> tuple[dict[int, int], str]:
        """Until the checks (of a script: the program) have ended, or a limit is hit: (pid to status, limit)."""
        ended: dict[int, int] = {}
        limits, started, looked = self._settings, time.monotonic(), time.monotonic()
        while True:
            signal.sigtimedwait(_SIGNALS, _TICK)
            chores.reap(ended)
            if tested in ended or checker in ended or (checker and link.read_all(self._files["verdict"], 1)):
                self._settle(ended, tested, checker)
                return ended, "memory" if usage.out_of_memory() else ""
            if time.monotonic() - looked < _TICK:
                continue
            usage.look()
            if usage.cpu > limits["cpu"] or usage.memory > limits["memory"]:
                # One that ended during the look may have been counted twice, as itself and among its parent's.
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
        while checker and time.monotonic() < deadline:
            written = link.read_all(self._files["verdict"])
            lost = b'"lost"' in written[:24]
            if written.endswith(b"\n") and not lost:
                return
            if tested in ended and (lost or checker in ended):
                return
            signal.sigtimedwait(_SIGNALS, _TICK)
            chores.reap(ended)

    def _verdict(self, stopped: str) -> dict[str, Any] | None:
        """What a limit or the checks decided; None where the program ended without a verdict."""
        files, limits = self._files, self._settings
        self._large = False
        if max(os.fstat(files[name]).st_size for name in ("output", "errors")) > limits["output"]:
            stopped = "output"
        if stopped:
            return {"outcome": stopped}
        written = link.read_all(files["verdict"])
        # A verdict is whole only with the line's end; its writer may have been killed.
        found: dict[str, Any] = json.loads(written) if written.endswith(b"\n") else {"outcome": "lost"}
        self._large = found.pop("large", False)
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


def _most_memory() -> int:
    """The most that this process ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


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
