"""Samples whose replies are there wait for each other, so that the same steps run for many in a row.

A reply comes every millisecond or so from a server that has tens of requests in flight. What is done with each alone
finds none of its code and data in the processor's caches, and takes a third longer.
"""

from __future__ import annotations

import asyncio

__all__ = ["InGroups"]

_LONGEST_WAIT = 0.008
"""Seconds. With the time until the journal's thread writes, a record is still on disk within 50 ms of its reply."""
_PART = 8
"""A group is this part of the samples in flight. An API's model is given a quarter more of them than it may have
requests in flight, so the next requests are ready and none waits for a group."""


class InGroups:
    """`window`: samples in flight."""

    def __init__(self, window: int) -> None:
        self._most = window // _PART
        self._waiting: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None

    async def join(self) -> None:
        """Wait until the group is full or has waited for 8 ms; not at all where a group would be one sample."""
        if len(self._waiting) + 1 >= self._most:
            self._go_on()
            return
        loop = asyncio.get_running_loop()
        # A future each: whoever is cancelled cancels what it waits for.
        one: asyncio.Future[None] = loop.create_future()
        self._waiting.append(one)
        if self._timer is None:
            self._timer = loop.call_later(_LONGEST_WAIT, self._go_on)
        await one

    def _go_on(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)
