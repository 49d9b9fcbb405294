"""Writes that are gathered for a moment: together they cost a fraction of what they cost one by one."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["AT_MOST_SECONDS", "WriteBehind"]

AT_MOST_SECONDS = 0.05
"""How old what is not written yet may be: what a killed process has to do again, besides what was in flight."""
_REST = 0.04
"""Less than that, since a thread is woken some milliseconds late."""


class WriteBehind:
    """Calls `write`, from a separate thread, at most 50 ms after `soon`. `write` must not raise.

    A thread and not the event loop's timer: a loop that is held up by a slow scorer must not hold up what is paid.
    """

    def __init__(self, write: Callable[[], None]) -> None:
        self._write = write
        self._announced = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def soon(self) -> None:
        """Something waits to be written. Cheap where something waited already."""
        if not self._announced.is_set():
            self._announced.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="evalkit-writer", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            self._announced.wait()
            if self._closed.wait(_REST):
                return
            # Before writing: what is announced while it is written waits for the next turn.
            self._announced.clear()
            # Who closes announces it last: either that stands now, or it was cleared and this is seen.
            if self._closed.is_set():
                return
            self._write()

    def close(self) -> None:
        """End the thread; what still waits is the caller's to write."""
        self._closed.set()
        self._announced.set()
        if self._thread is not None:
            self._thread.join()
