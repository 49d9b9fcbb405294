"""A control group (cgroup v2) for each worker, where this process may make one.

The kernel then adds up what everything in the group uses: processes that ended, orphans, memory that several share. A
group is made only where the memory controller is on for the children of a group that this process may write to, or
where this process is alone in a separate group (a systemd unit with `Delegate=yes`); the groups of others stay as
they are. Source: the kernel's Documentation/admin-guide/cgroup-v2.rst; systemd's CGROUP_DELEGATION.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import re
import subprocess
import time
from pathlib import Path

from evalkit.sandbox.program import ResourceLimits

__all__ = ["Group", "parent"]

_PREFIX = "evalkit-"
_LEAF = "evalkit"
# What a worker reads of its group, in this order: inside/watch.py.
_COUNTERS = ("cpu.stat", "memory.stat", "memory.events")
# For the interpreter and the process of the checks.
_ALLOWANCE = 128 << 20
_REMOVED_WITHIN_S = 2.0
_numbers = itertools.count()


class Group:
    """A group below `folder`; `command` starts a process in it, `descriptors` tell what all its processes use.

    Its memory limit is a backstop far above the program's own, against what is taken between two looks. Raises OSError
    where the group cannot be made.
    """

    def __init__(self, folder: Path, limits: ResourceLimits) -> None:
        self._folder = folder / f"{_PREFIX}{os.getpid()}-{next(_numbers)}"
        self._folder.mkdir()
        self.descriptors: tuple[int, ...] = ()
        try:
            most = 2 * limits.memory + 2 * limits.disk + _ALLOWANCE
            (self._folder / "memory.max").write_text(str(most))
            with contextlib.suppress(OSError):
                (self._folder / "memory.swap.max").write_text("0")
            for name in _COUNTERS:
                self.descriptors += (os.open(self._folder / name, os.O_RDONLY | os.O_CLOEXEC),)
        except OSError:
            self.remove()
            raise

    def command(self, command: list[str]) -> list[str]:
        """The command, which joins the group before it becomes what it is, so that all its children are in it."""
        join = 'echo $$ > "$0" && exec "$@"'
        return ["/bin/sh", "-c", join, str(self._folder / "cgroup.procs"), *command]

    def remove(self) -> None:
        """End whatever is left in the group, and take it away."""
        for fd in self.descriptors:
            os.close(fd)
        self.descriptors = ()
        with contextlib.suppress(OSError):
            (self._folder / "cgroup.kill").write_text("1")
        deadline = time.monotonic() + _REMOVED_WITHIN_S
        while not _removed(self._folder) and time.monotonic() < deadline:
            time.sleep(0.01)


@functools.cache
def parent() -> Path | None:
    """The group in which groups for workers can be made, tried with one; None where there is none."""
    own = _own_group()
    if own is None:
        return None
    for folder in _candidates(own):
        if _works(folder):
            _remove_leftovers(folder)
            return folder
    return None


def _own_group() -> tuple[Path, Path] | None:
    """Where the hierarchy is mounted, and the folder of this process's group in it."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text()
        groups = Path("/proc/self/cgroup").read_text()
    except OSError:
        return None
    mount = re.search(r"^\S+ \S+ \S+ / (\S+) .* - cgroup2 ", mounts, re.MULTILINE)
    group = re.search(r"^0::(/.*)$", groups, re.MULTILINE)
    if mount is None or group is None or "/.." in group[1]:
        return None
    return Path(mount[1]), Path(mount[1] + group[1].rstrip("/"))


def _candidates(own: tuple[Path, Path]) -> list[Path]:
    mount, folder = own
    above = [path for path in (folder, *folder.parents) if path.is_relative_to(mount)]
    found = [path for path in above if "memory" in _words(path / "cgroup.subtree_control")]
    if not found and folder != mount and _hand_out_memory(folder):
        return [folder]
    return found


def _hand_out_memory(folder: Path) -> bool:
    """Turn the memory controller on for the children of a group in which this process is alone.

    A group with such children holds no processes, so this one moves into a child.
    """
    if _words(folder / "cgroup.procs") != [str(os.getpid())] or "memory" not in _words(folder / "cgroup.controllers"):
        return False
    try:
        (folder / _LEAF).mkdir(exist_ok=True)
        (folder / _LEAF / "cgroup.procs").write_text(str(os.getpid()))
        (folder / "cgroup.subtree_control").write_text("+memory")
    except OSError:
        return False
    return True


def _works(folder: Path) -> bool:
    try:
        group = Group(folder, ResourceLimits())
    except OSError:
        return False
    try:
        return subprocess.run(group.command(["/bin/true"]), stderr=subprocess.DEVNULL, check=False).returncode == 0
    finally:
        group.remove()


def _remove_leftovers(folder: Path) -> None:
    """Groups of processes that were killed; one that still holds a process cannot be removed."""
    for path in folder.glob(f"{_PREFIX}*"):
        pid = path.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path("/proc", pid).exists():
            _removed(path)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
