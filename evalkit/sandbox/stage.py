"""Started by root to become nobody: shows folders that only root may enter, gives up root, starts the sandbox.

Arguments: user id, folder to mount on, number of folders, the folders, the command. The folders appear as 0, 1, … below
the one to mount on, in a mount namespace of this process alone. This file is run by itself and imports nothing of
evalkit's.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_NEW_MOUNTS, _BIND, _RECURSIVE, _PRIVATE, _READ_ONLY = 0x20000, 4096, 16384, 1 << 18, 1


def main() -> None:
    """Mount, drop every right, and turn into the command."""
    user, base, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    folders, command = sys.argv[4 : 4 + count], sys.argv[4 + count :]
    libc = ctypes.CDLL(None, use_errno=True)
    if count:
        _checked(libc.unshare(_NEW_MOUNTS), "unshare")
        _checked(libc.mount(b"none", b"/", None, _RECURSIVE | _PRIVATE, None), "mount /")
        _checked(libc.mount(b"tmpfs", base.encode(), b"tmpfs", 0, b"mode=755,size=1m"), f"mount {base}")
        for number, folder in enumerate(folders):
            target = Path(base) / str(number)
            target.mkdir()
            _checked(libc.mount(folder.encode(), str(target).encode(), None, _BIND, None), f"mount {folder}")
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    os.execv(command[0], command)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    main()
