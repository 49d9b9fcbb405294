"""Which replica is asked what: requests that begin alike go to one, and one that idles takes from the longest queue."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from evalkit.core import Choose, Generate, Perplexity, Reply, Request

__all__ = ["Item", "Router", "prefix_of"]

_PREFIX = 256
"""Characters by which beginnings are told apart: enough to tell one task's preamble from another's."""
_REMEMBERED = 65_536
"""Beginnings whose replica is remembered."""


def prefix_of(request: Request) -> str:
    """What a request is routed by; "" where nothing of it can be shared with another."""
    if isinstance(request, Generate | Choose):
        text = request.prompt.text or "".join(message.content for message in request.prompt.messages)
        return text[:_PREFIX]
    return request.text[:_PREFIX] if isinstance(request, Perplexity) else ""


@dataclass(slots=True, eq=False)
class Item:
    """A request that waits. `losses`: replicas that were lost while they had it."""

    request: Request
    future: asyncio.Future[Reply]
    prefix: str = ""
    losses: int = 0


class Router:
    """The queues of the replicas that are there, by number. Belongs to one event loop."""

    def __init__(self) -> None:
        self._queues: dict[int, deque[Item]] = {}
        self._under_way: dict[int, int] = {}
        self._homes: dict[str, int] = {}
        self._homeless: deque[Item] = deque()
        self.stolen = 0
        """Requests that another replica than their first one was given."""

    @property
    def waiting(self) -> int:
        """Requests that no replica has yet."""
        return len(self._homeless) + sum(map(len, self._queues.values()))

    @property
    def outstanding(self) -> int:
        """Requests that wait or are under way."""
        return self.waiting + sum(self._under_way.values())

    @property
    def replicas(self) -> list[int]:
        return list(self._queues)

    def items(self) -> list[Item]:
        """All that wait."""
        return [*self._homeless, *(item for queue in self._queues.values() for item in queue)]

    def join(self, replica: int) -> None:
        """A replica is there."""
        self._queues[replica] = deque()
        self._under_way[replica] = 0
        waiting, self._homeless = self._homeless, deque()
        for item in waiting:
            self.add(item)

    def leave(self, replica: int, taken: Iterable[Item] = ()) -> None:
        """A replica is lost: what it was given (`taken`) and what waits for it goes to others, the former first."""
        waiting = self._queues.pop(replica, deque())
        self._under_way.pop(replica, None)
        # Dropped as a whole: a home that is gone would have to be looked for beginning by beginning.
        self._homes = {prefix: home for prefix, home in self._homes.items() if home != replica}
        for item in [*taken, *waiting]:
            self.add(item)

    def add(self, item: Item) -> int | None:
        """Queue a request; the replica that it waits for, None while there is none."""
        if not self._queues:
            self._homeless.append(item)
            return None
        home = self._homes.get(item.prefix) if item.prefix else None
        if home is None:
            home = min(self._queues, key=lambda number: len(self._queues[number]) + self._under_way[number])
            if item.prefix:
                while len(self._homes) >= _REMEMBERED:
                    del self._homes[next(iter(self._homes))]
                self._homes[item.prefix] = home
        self._queues[home].append(item)
        return home

    def take(self, replica: int, most: int) -> list[Item]:
        """Up to `most` requests for a replica to answer: its own, or else half of the longest queue."""
        queue = self._queues[replica]
        if not queue:
            self._steal(replica)
        taken: list[Item] = []
        while queue and len(taken) < most:
            item = queue.popleft()
            if not item.future.done():
                taken.append(item)
        self._under_way[replica] += len(taken)
        return taken

    def _steal(self, replica: int) -> None:
        longest = max(self._queues, key=lambda number: len(self._queues[number]))
        queue = self._queues[longest]
        count = (len(queue) + 1) // 2
        # From the end: its owner goes on with what begins as what it has just had.
        moved = [queue.pop() for _ in range(count)]
        self._queues[replica].extend(reversed(moved))
        self.stolen += count

    def done(self, replica: int, count: int) -> None:
        """So many requests of a replica were answered."""
        if replica in self._under_way:
            self._under_way[replica] -= count
