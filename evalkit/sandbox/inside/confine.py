"""Limits that a process puts on itself: no new privileges, no tracing, a system call filter, resource limits."""

from __future__ import annotations

import ctypes
import os
import resource
from typing import Any

_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 4, 22, 36, 38
_SECCOMP_MODE_FILTER = 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


class SystemCallFilter:
    """A filter that waits, ready to be put on: a process that was just forked pays for all that it does anew."""

    def __init__(self, code: bytes) -> None:
        self._prctl = ctypes.CDLL(None, use_errno=True).prctl
        self._buffer = ctypes.create_string_buffer(code, len(code))
        program = _Program(len(code) // 8, ctypes.cast(self._buffer, ctypes.c_void_p))
        self._arguments = _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0
        self._is_one = bool(code)

    def put_on(self) -> bool:
        """Filter this process and its children from now on; whether that is done."""
        return self._is_one and bool(self._prctl(*self._arguments) == 0)


def close_off() -> None:
    """Make this process and its children untraceable and without new privileges, and adopt its orphans."""
    libc = ctypes.CDLL(None, use_errno=True)
    _control(libc, _PR_SET_NO_NEW_PRIVS, 1)
    _control(libc, _PR_SET_CHILD_SUBREAPER, 1)
    # Not dumpable: no process of the same user may trace it, read its memory or open its descriptors.
    _control(libc, _PR_SET_DUMPABLE, 0)


def _control(libc: Any, option: int, value: int) -> None:
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def limit_tree(memory: int, processes: int, files: int, own_users: bool) -> None:
    """Limits that every program inherits. `memory` is beyond what the interpreter itself maps."""
    pages = int(open("/proc/self/statm").read().split()[0])
    _lower(resource.RLIMIT_AS, pages * os.sysconf("SC_PAGE_SIZE") + memory)
    _lower(resource.RLIMIT_NOFILE, files)
    _lower(resource.RLIMIT_CORE, 0)
    if own_users:
        # Elsewhere this would count everything that the user runs; a container engine has a separate limit.
        _lower(resource.RLIMIT_NPROC, processes)


def limit_program(cpu: int, file_size: int) -> None:
    """Limits on one process: CPU seconds (a signal, then a second later the end) and bytes a file may have."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))


def _lower(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))
