"""How long one attempt at a request may take: one timer for all that are under way, since all have the same limit."""

from __future__ import annotations

import asyncio
from types import TracebackType

__all__ = ["TimeLimit"]


class TimeLimit:
    """Ends what takes longer than `seconds`, as asyncio.timeout does. That makes, sorts and drops a timer for each
    request, and so does aiohttp's own limit. For one event loop."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.under_way: dict[_Limited, float] = {}
        """What is under way, the oldest first, and when its time is over."""

    def __call__(self) -> _Limited:
        """A context for the current task. It raises TimeoutError when the time is over."""
        return _Limited(self)

    def begin(self, one: _Limited) -> None:
        self.under_way[one] = self._loop.time() + self._seconds
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._end_those_over)

    def _end_those_over(self) -> None:
        self._timer = None
        now = self._loop.time()
        for one, end in list(self.under_way.items()):
            if end > now:
                self._timer = self._loop.call_at(end, self._end_those_over)
                return
            del self.under_way[one]
            one.end()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class _Limited:
    __slots__ = ("_cancelled_before", "_is_over", "_limit", "_task")

    def __init__(self, limit: TimeLimit) -> None:
        self._limit = limit

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelled_before = task.cancelling()
        self._is_over = False
        self._limit.begin(self)

    def end(self) -> None:
        self._is_over = True
        self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self._is_over:
            del self._limit.under_way[self]
        elif self._task.uncancel() <= self._cancelled_before and kind is asyncio.CancelledError:
            # Nobody else has cancelled the task meanwhile.
            raise TimeoutError from error
