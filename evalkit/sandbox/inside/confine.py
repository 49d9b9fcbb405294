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


def close_off(filter_code: bytes) -> bool:
    """Make this process and its children untraceable and filtered; whether the system call filter is on."""
    libc = ctypes.CDLL(None, use_errno=True)
    _control(libc, _PR_SET_NO_NEW_PRIVS, 1)
    _control(libc, _PR_SET_CHILD_SUBREAPER, 1)
    # Not dumpable: no process of the same user may trace it, read its memory or open its descriptors.
    _control(libc, _PR_SET_DUMPABLE, 0)
    if not filter_code:
        return False
    buffer = ctypes.create_string_buffer(filter_code, len(filter_code))
    program = _Program(len(filter_code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0)


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
        # Elsewhere this would count everything that the user runs; a container engine has a limit of its own.
        _lower(resource.RLIMIT_NPROC, processes)


def limit_program(cpu: int, file_size: int) -> None:
    """Limits on one process: CPU seconds (a signal, then a second later the end) and bytes a file may have."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))


def _lower(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))
