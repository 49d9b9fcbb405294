"""The system call filter: a BPF program that refuses what no program under test needs, as bytes.

Layouts: linux/seccomp.h (struct seccomp_data: nr at 0, arch at 4, the arguments from 16 on, eight bytes each) and
linux/bpf_common.h. Numbers: the kernel's tables for x86-64 and AArch64.
"""

from __future__ import annotations

import platform
import struct

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _REFUSE, _MISSING = 0x7FFF0000, 0x00050001, 0x00050026  # allow; EPERM; ENOSYS
_NR, _ARCH, _ARGUMENT = 0, 4, 16
_UNIX = 1
_NEW_NAMESPACES = 0x7E020080  # CLONE_NEW{USER,PID,NET,UTS,IPC,CGROUP}, NEWNS and NEWTIME

# Name: (x86-64, AArch64); a number the architecture lacks is -1.
_REFUSED = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "memfd_secret": (447, 447),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_setup": (206, 0),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "syslog": (103, 116),
    "quotactl": (179, 60),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "fanotify_init": (300, 262),
    "lookup_dcookie": (212, 18),
    "personality": (135, 92),
    "iopl": (172, -1),
    "ioperm": (173, -1),
    "modify_ldt": (154, -1),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
}
_MEMFD_CREATE = (319, 279)
_CLONE3 = (435, 435)
_CLONE = (56, 220)
_SOCKET = (41, 198)
_SOCKETPAIR = (53, 199)
_PRLIMIT = (302, 261)
_SIGACTION = (13, 134)
_SIGCHLD = 17
_MACHINES = {"x86_64": (0, 0xC000003E), "amd64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7), "arm64": (1, 0xC00000B7)}


def filter_code(machine: str = "") -> bytes:
    """The filter for this processor, or no bytes where its system calls are not known here.

    Refused with EPERM: the calls listed above, new namespaces, sockets of any family but AF_UNIX, limits of another
    process, a new action for SIGCHLD (the kernel forgets the processor time of children whose end is ignored), calls of
    another architecture. `clone3` is said to be missing, because its flags cannot be looked at; the
    C library then uses `clone`.
    """
    column, architecture = _MACHINES.get((machine or platform.machine()).lower(), (-1, 0))
    if column < 0:
        return b""
    code = [_step(_LOAD, _ARCH), _step(_EQUAL, architecture, 1, 0), _step(_RETURN, _REFUSE), _step(_LOAD, _NR)]
    if column == 0:
        # The x32 calls are the same ones under other numbers.
        code += [_step(_AT_LEAST, 0x40000000, 0, 1), _step(_RETURN, _REFUSE)]
    for numbers in _REFUSED.values():
        if numbers[column] >= 0:
            code += [_step(_EQUAL, numbers[column], 0, 1), _step(_RETURN, _REFUSE)]
    code += [_step(_EQUAL, _CLONE3[column], 0, 1), _step(_RETURN, _MISSING)]
    code += _when(_CLONE[column], 0, _ANY_BIT, _NEW_NAMESPACES, refuse_if=True)
    code += _when(_SOCKET[column], 0, _EQUAL, _UNIX, refuse_if=False)
    code += _when(_SOCKETPAIR[column], 0, _EQUAL, _UNIX, refuse_if=False)
    code += _when(_PRLIMIT[column], 0, _EQUAL, 0, refuse_if=False)
    return b"".join([*code, *_keep_action(_SIGACTION[column], _SIGCHLD), _step(_RETURN, _ALLOW)])


def last_filter_code(machine: str = "") -> bytes:
    """What a program gets on top: no files in memory. The worker makes some for each program, so it must do without."""
    column, _ = _MACHINES.get((machine or platform.machine()).lower(), (-1, 0))
    if column < 0:
        return b""
    refused = [_step(_EQUAL, _MEMFD_CREATE[column], 0, 1), _step(_RETURN, _REFUSE)]
    return b"".join([_step(_LOAD, _NR), *refused, _step(_RETURN, _ALLOW)])


def _when(number: int, argument: int, test: int, value: int, *, refuse_if: bool) -> list[bytes]:
    """For one call: load the low half of an argument and refuse where the test holds (or does not)."""
    yes, no = (0, 1) if refuse_if else (1, 0)
    return [
        _step(_EQUAL, number, 0, 4),
        _step(_LOAD, _ARGUMENT + 8 * argument),
        _step(test, value, yes, no),
        _step(_RETURN, _REFUSE),
        _step(_RETURN, _ALLOW),
    ]


def _keep_action(number: int, signal: int) -> list[bytes]:
    """Refuse a new action for one signal; to ask for the present one gives no new one (a null pointer)."""
    return [
        _step(_EQUAL, number, 0, 8),
        _step(_LOAD, _ARGUMENT),
        _step(_EQUAL, signal, 0, 5),
        _step(_LOAD, _ARGUMENT + 8),
        _step(_EQUAL, 0, 0, 2),
        _step(_LOAD, _ARGUMENT + 12),
        _step(_EQUAL, 0, 1, 0),
        _step(_RETURN, _REFUSE),
        _step(_RETURN, _ALLOW),
    ]


def _step(code: int, value: int, true: int = 0, false: int = 0) -> bytes:
    return struct.pack("HBBI", code, true, false, value)
