"""Reports on runs, made when somebody opens them and kept until the runs change or the server ends."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from evalkit.core import digest_of
from evalkit.runs.store import Run, manifest
from evalkit.runs.store.journal import RECORDS
from evalkit.runs.written_report import write_report

FIRST = "report.html"
_KEPT = 24


class Rendered:
    """The pages in a temporary folder, which goes with the process."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="evalkit-pages-", ignore_cleanup_errors=True)
        self._made: dict[str, Path] = {}
        self._making = threading.Lock()

    def file(self, report: str, runs: Sequence[Path], name: str) -> Path | None:
        """A file of that report on those runs, "report.html" or one next to it; None where it has none of that name.

        Raises UsageError where the report cannot be made.
        """
        stamps = [str(_stamp(folder)) for folder in runs]
        key = digest_of(report, *map(str, runs), *stamps)
        with self._making:  # one after another: two of them would only halve each other's processor
            if key not in self._made:
                self._made[key] = self._make(key, report, runs)
            below = self._made[key]
        # Only what the report wrote is ever given, by its name in the folder and not by a path.
        return next((path for path in below.iterdir() if path.name == name and path.is_file()), None)

    def close(self) -> None:
        """Take the folder away, for a process that ends without its usual steps."""
        self._folder.cleanup()

    def _make(self, key: str, report: str, runs: Sequence[Path]) -> Path:
        while len(self._made) >= _KEPT:
            oldest = next(iter(self._made))
            shutil.rmtree(self._made.pop(oldest), ignore_errors=True)
        below = Path(self._folder.name) / key
        below.mkdir(exist_ok=True)
        write_report([Run.open(folder) for folder in runs], below / FIRST, report)
        return below


def _stamp(folder: Path) -> list[tuple[int, int]]:
    """What changes when a run does."""
    found = []
    for path in (folder / manifest.FILE, folder / RECORDS):
        try:
            known = path.stat()
        except OSError:
            continue
        found.append((known.st_mtime_ns, known.st_size))
    return found
