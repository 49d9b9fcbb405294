"""Programs on the nodes of a cluster: which node runs which, what happens when one is lost or another one comes."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from evalkit.core import RunError, UsageError
from evalkit.sandbox.on_node import Greeting
from evalkit.sandbox.pool import ATTEMPTS
from evalkit.sandbox.program import Program, ProgramOutcome, ResourceLimits, Result

__all__ = ["LostNodeError", "NodeSandbox", "Nodes"]

_log = logging.getLogger(__name__)


class LostNodeError(Exception):
    """A node is gone, or the process on it that ran a program."""


class Nodes(Protocol):
    """The nodes, by names of the cluster's own. `greet` and `run` raise LostNodeError."""

    def there(self) -> dict[str, int]:
        """The processors of every node that is there."""
        ...

    async def greet(self, node: str) -> Greeting: ...
    async def run(self, node: str, program: Program, output: int) -> Result: ...
    def close(self) -> None: ...


@dataclass(slots=True)
class _Node:
    """`busy`: programs that it runs. `usable`: whether it has greeted, and its sandbox is the others'."""

    cpus: int
    greeting: asyncio.Task[None] | None = None
    usable: bool = False
    busy: int = 0


class NodeSandbox:
    """A `Sandbox` whose programs run on a cluster: as many at a time as its nodes have processors, or `count` of them
    where that is less.

    Everything is decided in the event loop of one thread, so that any thread and any loop may ask. `patience`: seconds
    without a node before a program's caller gets a RunError. `watch`: seconds between looks at the cluster.
    """

    def __init__(
        self, nodes: Nodes, limits: ResourceLimits, count: int | None, *, patience: float = 300.0, watch: float = 2.0
    ) -> None:
        """Raises UsageError where no node can run programs, and where nodes would run them differently."""
        self.limits = limits
        self.lost = 0
        """Programs whose node or process was lost, and that another one ran."""
        self._nodes, self._count, self._patience, self._watch_every = nodes, count, patience, watch
        self._there: dict[str, _Node] = {}
        self._waiting: deque[asyncio.Future[str]] = deque()
        self._greetings: dict[str, Greeting] = {}
        self._first: Greeting | None = None
        self._without = time.monotonic()
        self._watching: asyncio.Task[None] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="evalkit-nodes", daemon=True)
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._begin(), self._loop).result()
        except BaseException:
            self.close()
            raise

    @property
    def engine(self) -> str:
        return self._first.engine if self._first else ""

    @property
    def greeting(self) -> Mapping[str, Any]:
        return {"python": self._first.python if self._first else ""}

    async def run(self, program: Program, *, output: int = 0) -> Result:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._run(program, output), self._loop))

    def run_now(self, program: Program, *, output: int = 0) -> Result:
        return asyncio.run_coroutine_threadsafe(self._run(program, output), self._loop).result()

    async def _begin(self) -> None:
        """Wait for every node's greeting, and judge them together."""
        self._look()
        await asyncio.gather(*(node.greeting for node in self._there.values() if node.greeting))
        if self._first is None:
            reasons = sorted({one.why for one in self._greetings.values()}) or ["no node has a processor"]
            raise UsageError("no node of the cluster can run programs", found="; ".join(reasons), fix="evalkit doctor")
        different = [one for one in self._greetings.values() if not one.why and not self._is_alike(one)]
        if different:
            raise UsageError(
                "nodes of the cluster would run programs differently",
                found="; ".join(map(_words, (self._first, different[0]))),
                fix="the same evalkit, Python and engine (EVALKIT_SANDBOX) on every node",
            )
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._watch_every)
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - the next look may succeed; patience ends it
                _log.warning("the cluster's nodes can't be listed: %s", error)
            if any(node.usable for node in self._there.values()):
                self._without = time.monotonic()
            elif time.monotonic() - self._without > self._patience:
                self._give_up()

    def _look(self) -> None:
        """Greet nodes that have come and forget those that are gone."""
        found = {name: cpus for name, cpus in self._nodes.there().items() if cpus > 0}
        for name in self._there.keys() - found.keys():
            del self._there[name]
        for name in found.keys() - self._there.keys():
            node = self._there[name] = _Node(found[name])
            node.greeting = asyncio.create_task(self._greeted(name, node))

    async def _greeted(self, name: str, node: _Node) -> None:
        try:
            greeting = await self._nodes.greet(name)
        except LostNodeError as error:
            # The next look greets it again, if it is still there.
            self._there.pop(name, None)
            self._greetings.setdefault(name, Greeting(name, why=str(error)))
            return
        self._greetings[name] = greeting
        if greeting.why:
            _log.warning("node %s runs no programs: %s", greeting.host, greeting.why)
            return
        self._first = self._first or greeting
        node.usable = self._is_alike(greeting)
        if not node.usable:
            _log.warning("node %s runs no programs, for it would run them differently: %s", greeting.host, greeting)
        self._assign()

    def _doubt(self, name: str) -> None:
        """Give a node nothing until it has greeted again: it may be gone, or a process of it alone."""
        node = self._there.get(name)
        if node is not None and node.usable:
            node.usable = False
            node.greeting = asyncio.create_task(self._greeted(name, node))

    def _is_alike(self, one: Greeting) -> bool:
        first = self._first
        return first is not None and (one.engine, one.python, one.judge) == (first.engine, first.python, first.judge)

    def _assign(self) -> None:
        """Give nodes to those who wait, the least busy one first."""
        while self._waiting and (name := self._free()) is not None:
            waiter = self._waiting.popleft()
            if not waiter.done():
                self._there[name].busy += 1
                waiter.set_result(name)

    def _free(self) -> str | None:
        usable = {name: node for name, node in self._there.items() if node.usable}
        processors = sum(node.cpus for node in usable.values())
        if sum(node.busy for node in usable.values()) >= min(self._count or processors, processors):
            return None
        return min(usable, key=lambda name: (usable[name].busy + 1) / usable[name].cpus)

    async def _run(self, program: Program, output: int) -> Result:
        why = ""
        for _ in range(ATTEMPTS):
            name = await self._place()
            node = self._there.get(name)
            try:
                return await self._nodes.run(name, program, output)
            except LostNodeError as error:
                self.lost += 1
                why = str(error)
                _log.warning("a program is run again: %s", why)
                self._doubt(name)
            finally:
                if node is not None:
                    node.busy -= 1
                self._assign()
        return Result(ProgramOutcome.SANDBOX_ERROR, message=f"{ATTEMPTS} nodes were lost over this program: {why}")

    async def _place(self) -> str:
        """The node that runs the caller's program. Raises RunError where there is none for too long."""
        waiter: asyncio.Future[str] = self._loop.create_future()
        self._waiting.append(waiter)
        self._assign()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and (node := self._there.get(waiter.result())):
                node.busy -= 1
                self._assign()
            raise

    def _give_up(self) -> None:
        error = RunError(
            f"no node of the cluster has run programs for {self._patience:.0f} seconds.\n"
            f"  found: {len(self._there)} nodes; {self.lost} programs lost theirs\n"
            "  try:   evalkit run --resume, with nodes that can isolate programs (evalkit doctor on each)"
        )
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(error)

    def close(self) -> None:
        """Give up what runs, and leave the cluster."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._nodes.close()

    async def _end(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _words(greeting: Greeting) -> str:
    return f"{greeting.host}: {greeting.engine}, Python {greeting.python}, evalkit's judge {greeting.judge}"
