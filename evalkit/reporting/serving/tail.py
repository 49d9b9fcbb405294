"""The journal of a run that goes on, read as it grows: whole lines, each once, also where it is resumed."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from evalkit.core import Record, RunError
from evalkit.runs.store import journal
from evalkit.runs.store.codec import decode
from evalkit.runs.store.journal import Preambles

_CHUNK = 1 << 20


@dataclass(slots=True)
class News:
    """What one look found. `again`: everything comes once more from the first record, because the journal is a new
    file: a run that is resumed drops what could not be measured. `behind`: there is more than the time was for."""

    records: list[Record] = field(default_factory=list)
    again: bool = False
    behind: bool = False


class Tail:
    """Reads what was written since it last looked. `damaged` counts lines that are no records."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / journal.RECORDS
        self._texts = Preambles(folder)
        self._inode, self._offset = 0, 0
        self.damaged = 0

    def look(self, seconds: float) -> News:
        """The new records, read for about so many seconds."""
        news, end = News(), time.monotonic() + seconds
        try:
            file = self._path.open("rb")
        except OSError:
            return news
        with file:
            found = os.fstat(file.fileno())
            if self._inode and (found.st_ino != self._inode or found.st_size < self._offset):
                self._offset, self.damaged, news.again = 0, 0, True
            self._inode = found.st_ino
            file.seek(self._offset)
            while block := file.read(_CHUNK):
                if not block.endswith(b"\n"):
                    block += file.readline()  # the rest of a line that the block cut, or one that is being written
                whole = block.rfind(b"\n") + 1
                news.records += self._records(block[:whole])
                self._offset += whole
                if whole < len(block):
                    break
                if time.monotonic() > end:
                    news.behind = self._offset < found.st_size
                    break
        return news

    def _records(self, lines: bytes) -> list[Record]:
        found = []
        for line in lines.split(b"\n")[:-1]:
            try:
                found.append(decode(line, self._texts, self._folder))
            except (ValueError, KeyError, TypeError, RunError):
                self.damaged += 1
        return found
