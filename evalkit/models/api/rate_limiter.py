"""How many requests are in flight and how fast they go out: adaptive, within what a server and a user allow."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

__all__ = ["Growth", "PerMinute", "RateLimiter"]

_SLOWER = 1.7
"""Twice as many in flight and each this much slower: more in flight then gives (almost) no more per second."""
_HOLD_EPOCHS = 8
"""How long growth rests once latency rose, before it is tried again."""


class Growth:
    """The number of requests allowed in flight.

    It doubles after every epoch (as many successes as are allowed in flight) until the server says that it is too much
    or the mean latency rises as fast as the number does; then it is halved, or goes one step back, and grows by a
    tenth an epoch. Only epochs in which the limit was what held requests back count.
    """

    def __init__(self, most: int, start: int) -> None:
        self.most = most
        self.limit = min(start, most)
        self.peak = self.limit
        self._doubling = True
        self._before: float | None = None
        self._rest = 0
        self._done = 0
        self._seconds = 0.0
        self._held_back = False
        self._cut_at = -1.0

    def succeeded(self, seconds: float, *, held_back: bool) -> None:
        """A request was answered in `seconds`; `held_back` says that others were waiting for room."""
        self._done += 1
        self._seconds += seconds
        self._held_back = self._held_back or held_back
        if self._done >= self.limit:
            self._end_epoch()

    def overloaded(self, sent: float, now: float) -> bool:
        """The server refused a request that was sent at `sent`. Halves once for all that were in flight together."""
        if sent <= self._cut_at:
            return False
        self._cut_at = now
        self.limit = max(1, self.limit // 2)
        self._doubling, self._before, self._rest = False, None, 0
        self._begin_epoch()
        return True

    def _end_epoch(self) -> None:
        mean = self._seconds / self._done
        held_back = self._held_back
        self._begin_epoch()
        if not held_back:
            return
        if self._rest > 0:
            self._rest -= 1
            return
        if self._doubling and self._before is not None and mean > _SLOWER * self._before:
            self.limit = max(1, self.limit // 2)
            self._doubling, self._rest = False, _HOLD_EPOCHS
            return
        if not self._doubling and self._before is not None and mean > 1.5 * self._before:
            self.limit, self._rest = max(1, int(self.limit * 0.9)), _HOLD_EPOCHS
            return
        # Afterwards the lowest counts; it is forgotten slowly, since later samples may take longer by themselves.
        self._before = mean if self._doubling or self._before is None else min(mean, self._before * 1.005)
        grown = self.limit * 2 if self._doubling else self.limit + max(1, self.limit // 10)
        self.limit = min(self.most, grown)
        self.peak = max(self.peak, self.limit)

    def _begin_epoch(self) -> None:
        self._done, self._seconds, self._held_back = 0, 0.0, False


class PerMinute:
    """A budget that refills evenly. At most a tenth of a minute's worth can be spent at once, or one request."""

    def __init__(self, amount: int, now: float) -> None:
        self._rate = amount / 60.0
        self._burst = max(1.0, amount / 10.0)
        self._level = self._burst
        self._at = now

    def delay(self, need: float, now: float) -> float:
        """Seconds until `need` may be taken. What is more than the whole burst waits for a full one."""
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        lacking = min(need, self._burst) - self._level
        return max(0.0, lacking / self._rate) if lacking > 1e-9 else 0.0

    def take(self, amount: float) -> None:
        """Spend, or with a negative amount give back."""
        self._level -= amount


class RateLimiter:
    """Lets requests through, first come first served: room in flight, budgets per minute, and pauses."""

    def __init__(
        self,
        growth: Growth,
        *,
        requests: int | None = None,
        tokens: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.growth = growth
        self._clock = clock
        self._requests = PerMinute(requests, clock()) if requests else None
        self._tokens = PerMinute(tokens, clock()) if tokens else None
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self._busy = 0
        self._paused_until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def held_back(self) -> bool:
        return bool(self._waiting)

    async def enter(self, tokens: int) -> None:
        """Wait for room. Every return is followed by one `leave`."""
        if not self._waiting and self._delay(tokens) == 0.0:
            self._take(tokens)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((future, tokens))
        self._admit()
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        self._busy -= 1
        self._admit()

    def pause(self, seconds: float) -> None:
        """Let nothing through for that long."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def correct(self, estimated: int, used: int) -> None:
        """Set the budget of tokens right once a reply says how many there were."""
        if self._tokens is not None:
            self._tokens.take(used - estimated)

    def _delay(self, tokens: int) -> float:
        """0 where a request may go now, minus 1 where it has to wait for another to come back, else seconds."""
        if self._busy >= self.growth.limit:
            return -1.0
        now = self._clock()
        wait = self._paused_until - now if self._paused_until > now else 0.0
        if self._requests is not None:
            wait = max(wait, self._requests.delay(1, now))
        if self._tokens is not None:
            wait = max(wait, self._tokens.delay(tokens, now))
        return wait

    def _take(self, tokens: int) -> None:
        self._busy += 1
        if self._requests is not None:
            self._requests.take(1)
        if self._tokens is not None:
            self._tokens.take(tokens)

    def _admit(self) -> None:
        while self._waiting:
            future, tokens = self._waiting[0]
            if future.done():
                self._waiting.popleft()
                continue
            wait = self._delay(tokens)
            if wait < 0.0:
                return
            if wait > 0.0:
                if self._timer is None:
                    self._timer = asyncio.get_running_loop().call_later(wait, self._timed)
                return
            self._waiting.popleft()
            self._take(tokens)
            future.set_result(None)

    def _timed(self) -> None:
        self._timer = None
        self._admit()
