"""What the processes of a program use together: CPU, memory, and how long none of them wanted to run."""

from __future__ import annotations

import os
import re
import resource
import time

# Shared memory counts in each process that has touched it: which of it is the same, only the kernel knows.
_MEMORY = re.compile(rb"^Rss(?:Anon|Shmem):\s*(\d+) kB", re.MULTILINE)
_USAGE = re.compile(rb"^usage_usec (\d+)$", re.MULTILINE)
_HELD = re.compile(rb"^(?:anon|shmem) (\d+)$", re.MULTILINE)
_KILLED = re.compile(rb"^oom_kill (\d+)$", re.MULTILINE)
_TICKS = os.sysconf("SC_CLK_TCK")


def _read(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(fd, 4096)
    except OSError:
        return b""
    finally:
        os.close(fd)


def ended_cpu() -> float:
    """Processor time of all children that ended, orphans that came to this process among them, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def descendants(root: int) -> list[int]:
    """Every process below `root`; where that is process 1 of its namespace, every other process there is."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    if root == 1:
        return [pid for pid in pids if pid != 1]
    parents = {}
    for pid in pids:
        stat = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
        if stat:
            parents[pid] = int(stat[1])
    found: list[int] = []
    frontier = [root]
    while frontier:
        frontier = [pid for pid, parent in parents.items() if parent in frontier]
        found += frontier
    return found


class ResourceUsage:
    """Filled by `look`, about ten times a second. `idle` leaves out the time that processes waited for a processor.

    earlier: processor time of the processes that are there already, which is not counted.
    """

    def __init__(self, root: int, earlier: float = 0.0) -> None:
        self.root = root
        self._earlier = earlier + ended_cpu()
        self.cpu = self.idle = self._wanted = 0.0
        self.memory = 0
        self._seen: set[int] = set()
        self._looked = time.monotonic()

    def look(self) -> None:
        """Add up what all processes used so far (seconds, bytes)."""
        cpu, memory, wanted, known = ended_cpu(), 0, 0.0, False
        pids = descendants(self.root)
        for pid in pids:
            stat = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
            if len(stat) > 14:
                cpu += sum(map(int, stat[11:15])) / _TICKS
            memory += 1024 * sum(map(int, _MEMORY.findall(_read(f"/proc/{pid}/status"))))
            for thread in _threads(pid):
                times = _read(f"/proc/{pid}/task/{thread}/schedstat").split()
                if len(times) > 1:
                    known = True
                    wanted += (int(times[0]) + int(times[1])) / 1e9
        now = time.monotonic()
        if known:
            # Processes that ended take their times with them; then the interval counts as busy.
            busy = wanted - self._wanted if self._seen.issubset(pids) else now - self._looked
            self.idle += max(0.0, now - self._looked - busy)
        self._seen = set(pids)
        self.cpu, self.memory, self._wanted, self._looked = cpu - self._earlier, memory, wanted, now

    def out_of_memory(self) -> bool:
        """Whether the kernel ended a process because all together held too much."""
        return False


class Group:
    """What the kernel counted for the control group that the worker and all its programs are in, if there is one.

    descriptors: of its cpu.stat, memory.stat and memory.events, or none. Programs lose those below `lost_below`, so a
    higher one is moved. A lower one stays where it is: 3 has to be taken when the worker opens files of its own.
    """

    def __init__(self, descriptors: list[int], lost_below: int) -> None:
        self._fds = [fd if fd < lost_below else os.dup(fd) for fd in descriptors]
        for fd in set(descriptors).difference(self._fds):
            os.close(fd)

    def __bool__(self) -> bool:
        return bool(self._fds)

    def cpu(self) -> float:
        """Seconds of processor time, without this process's own."""
        return self._number(0, _USAGE) / 1e6 - time.process_time()

    def memory(self) -> int:
        """Bytes that belong to processes or to files in memory, shared ones once."""
        return sum(map(int, _HELD.findall(self._text(1))))

    def killed(self) -> int:
        """How many processes the group's limit on memory has ended."""
        return self._number(2, _KILLED)

    def _number(self, which: int, pattern: re.Pattern[bytes]) -> int:
        found = pattern.search(self._text(which))
        return int(found[1]) if found else 0

    def _text(self, which: int) -> bytes:
        return os.pread(self._fds[which], 8192, 0)


class GroupUsage(ResourceUsage):
    """The same by the group's counters: from the moment that this is made, exact for whoever used it and is gone."""

    def __init__(self, root: int, group: Group) -> None:
        super().__init__(root)
        self._group = group
        self._cpu, self._memory, self._killed = group.cpu(), group.memory(), group.killed()

    def look(self) -> None:
        super().look()
        self.cpu = self._group.cpu() - self._cpu
        self.memory = max(0, self._group.memory() - self._memory)

    def out_of_memory(self) -> bool:
        return self._group.killed() > self._killed


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
