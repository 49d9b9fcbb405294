"""Whether a program left anything in the files that it may change: folders and, in a container, terminals."""

from __future__ import annotations

import os

_Look = dict[str, tuple[object, ...]]


class ChangeableFiles:
    """The given folders and whatever can be written below /dev, as they were when this was made.

    Modes, owners, times, attributes and contents count, so that a file that was made and removed again counts, too.
    """

    def __init__(self, folders: list[str], devices: bool) -> None:
        found = [folder for folder, _, _ in os.walk("/dev") if os.access(folder, os.W_OK)] if devices else []
        self._folders = sorted({*folders, *found})
        self._before = self._look()

    def changed(self) -> bool:
        """Whether anything is other than it was; also where it can no longer be looked at."""
        try:
            return self._look() != self._before
        except OSError:
            return True

    def _look(self) -> _Look:
        found: _Look = {}
        for folder in self._folders:
            seen = os.stat(folder)
            times = seen.st_mtime_ns, seen.st_ctime_ns, seen.st_nlink, seen.st_size
            found[folder] = *_owned(folder, seen), *times
            with os.scandir(folder) as entries:
                # A device has the times of its use by anyone.
                found |= {entry.path: _owned(entry.path, os.lstat(entry.path)) for entry in entries}
        return found


def _owned(path: str, seen: os.stat_result) -> tuple[object, ...]:
    try:
        attributes = tuple((name, os.getxattr(path, name)) for name in os.listxattr(path, follow_symlinks=False))
    except OSError:
        attributes = ()
    return seen.st_ino, seen.st_mode, seen.st_uid, seen.st_gid, attributes
