"""One worker as its owner sees it: started under an engine, given programs, replaced when it is lost."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from evalkit.sandbox import cgroups
from evalkit.sandbox.bundle import bundle
from evalkit.sandbox.engines import in_own_cgroup, launch
from evalkit.sandbox.program import Program, ResourceLimits
from evalkit.sandbox.seccomp import filter_code, last_filter_code

_START = 60.0
_GRACE = 30.0
_MOST = 1 << 28


class LostWorkerError(Exception):
    """The worker did not start, ended, or says nothing any more; the message is what it left on stderr."""


class Worker:
    """A process under an engine that runs programs one after another. Not to be shared between threads."""

    def __init__(self, engine: str, limits: ResourceLimits, packages: Sequence[str]) -> None:
        self._limits = limits
        self._launch = launch(engine, limits, packages)
        self._group = _group(engine, limits)
        self._errors = os.memfd_create("errors") if hasattr(os, "memfd_create") else os.open(os.devnull, os.O_RDWR)
        try:
            self._process = subprocess.Popen(
                self._group.command(self._launch.command) if self._group else self._launch.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=0,
                start_new_session=True,
                cwd="/",
                pass_fds=self._group.descriptors if self._group else (),
            )
        except OSError as error:
            self._remove()
            raise LostWorkerError(str(error)) from None
        settings = asdict(limits) | {
            "filter": base64.b64encode(filter_code()).decode(),
            "last_filter": base64.b64encode(last_filter_code()).decode(),
            "group": self._group.descriptors if self._group else (),
            "own_users": self._launch.own_users,
            "folders": self._launch.folders,
            "paths": self._launch.paths,
            "packages": list(packages),
        }
        self._write([bundle(), _framed(json.dumps(settings).encode())])
        self.greeting: dict[str, Any] = self._read(_START)

    def run(self, program: Program, cut: int) -> dict[str, Any]:
        """The worker's verdict, with the first `cut` bytes of the output; raises LostWorkerError."""
        job = {"tests": program.tests, "prelude": program.prelude, "entry": program.entry}
        parts = [_bytes(program.source), json.dumps(job).encode() if program.tests else b"", _bytes(program.stdin)]
        sizes = b"".join(len(part).to_bytes(4, "big") for part in parts) + cut.to_bytes(4, "big")
        self._write([sizes + (b"f" if program.tests else b"s"), *parts])
        return self._read(self._limits.wall + _GRACE)

    def close(self) -> None:
        """End the worker and everything in it."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()
        self._remove()

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._errors)
        if self._group is not None:
            self._group.remove()
        if self._launch.scratch:
            shutil.rmtree(self._launch.scratch, ignore_errors=True)

    def _write(self, parts: list[bytes]) -> None:
        assert self._process.stdin is not None
        fd = self._process.stdin.fileno()
        try:
            for part in parts:
                view = memoryview(part)
                while view:
                    view = view[os.write(fd, view) :]
        except OSError:
            raise self._lost() from None

    def _read(self, seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        size = int.from_bytes(self._exactly(4, deadline), "big")
        if size > _MOST:
            raise self._lost()
        try:
            found: dict[str, Any] = json.loads(self._exactly(size, deadline))
        except ValueError:
            raise self._lost() from None
        return found

    def _exactly(self, size: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        fd, parts = self._process.stdout.fileno(), []
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        while size:
            if not poller.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise self._lost("it did not answer in time")
            part = os.read(fd, min(size, 1 << 16))
            if not part:
                raise self._lost()
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _lost(self, why: str = "") -> LostWorkerError:
        if not why:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
            with contextlib.suppress(OSError):
                why = os.pread(self._errors, 4000, 0).decode("utf-8", "replace").strip()
            why = why.splitlines()[-1][:300] if why else f"it ended with status {self._process.poll()}"
        return LostWorkerError(why)


def _group(engine: str, limits: ResourceLimits) -> cgroups.Group | None:
    """Where a container engine makes a separate group, or no group can be made: None."""
    folder = cgroups.parent() if in_own_cgroup(engine) else None
    try:
        return cgroups.Group(folder, limits) if folder else None
    except OSError as error:
        raise LostWorkerError(f"no control group for the worker: {error}") from None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _framed(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data
