"""What a run does with this processor while a model elsewhere answers its requests."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import sys
import threading
import time
from collections.abc import Iterator

__all__ = ["answering"]

_AHEAD = "scipy.special"
_FIRST_REQUESTS_SECONDS = 0.03
_LOOK_SECONDS = 0.1
_MOST_BUSY = 0.2
"""The part of this processor's time that requests may take while something else is imported: a thread that imports
takes Python's lock at each of a request's calls of the system, so the requests wait for longer than the import
takes."""
_OBJECTS = 10_000
"""New objects after which garbage is looked for, where Python looks after 700. Hundreds of requests in flight hold more
than that, and all of them were traced again and again: a tenth of the processor time of a request. A sample leaves no
cycles, so nothing waits for it."""


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """While a model elsewhere answers; inside a running event loop.

    Objects that are there already, most of them code, are not looked at for garbage meanwhile, and new ones more
    seldom. What intervals need is imported while requests leave the time.
    """
    if _AHEAD not in sys.modules:
        loop = asyncio.get_running_loop()
        loop.call_later(_FIRST_REQUESTS_SECONDS, _import_ahead, loop, time.monotonic(), time.thread_time())
    with _SELDOM_GARBAGE:
        yield


class _SeldomGarbage:
    """Garbage is looked for seldom while one run or more ask for it: the first begins that, the last one ends it."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._runs = 0
        self._before = (0, 0, 0)
        self._freezes = False

    def __enter__(self) -> None:
        with self._changing:
            self._runs += 1
            if self._runs > 1:
                return
            self._before = gc.get_threshold()
            if 0 < self._before[0] < _OBJECTS:
                gc.set_threshold(_OBJECTS, *self._before[1:])
            self._freezes = gc.get_freeze_count() == 0  # what a caller has frozen stays frozen
            if self._freezes:
                gc.freeze()

    def __exit__(self, *_: object) -> None:
        with self._changing:
            self._runs -= 1
            if self._runs:
                return
            gc.set_threshold(*self._before)
            if self._freezes:
                gc.unfreeze()


_SELDOM_GARBAGE = _SeldomGarbage()


def _import_ahead(loop: asyncio.AbstractEventLoop, since: float, worked: float) -> None:
    """While a model elsewhere answers, this processor is idle: what intervals need is imported meanwhile. Where it is
    not (the model answers as fast as it is asked), that waits. `worked`: the loop's processor time `since` then."""
    now, used = time.monotonic(), time.thread_time()
    if used - worked > _MOST_BUSY * (now - since):
        loop.call_later(_LOOK_SECONDS, _import_ahead, loop, now, used)
    else:
        threading.Thread(target=importlib.import_module, args=(_AHEAD,), daemon=True).start()
