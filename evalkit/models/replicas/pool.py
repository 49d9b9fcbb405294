"""Replicas that come and go, and what each has in hand: every request is answered once, whoever is lost meanwhile."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from dataclasses import dataclass, field

from evalkit.core import ModelError, Reply, Request, RunError, UsageError
from evalkit.models.replicas.ray_cluster import Cluster, LostError, Worker
from evalkit.models.replicas.routing import Item, Router, prefix_of
from evalkit.models.replicas.settings import Need
from evalkit.models.replicas.worker import About, Answered, Failure, raised

__all__ = ["IN_FLIGHT", "Pool", "Wanted"]

_log = logging.getLogger(__name__)

IN_FLIGHT = 512
"""Requests that a replica has in hand at most: enough to fill its batches, few enough to leave others their share."""
_CHUNK = 64
"""Requests of one call."""
_STARTS = 3
"""Starts in a row that come to nothing before a replica is given up."""
_LOSSES = 3
"""Replicas that may be lost over one request before it is the request's fault."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What replicas hold: a model by its `spec`, whose identity is `digest`; `count` of them, None: as many as fit.

    `models`: how many are to have an equal part of the cluster, this one among them.
    `patience`: seconds without any replica before the run ends. `watch`: seconds between looks at the cluster."""

    spec: str
    digest: str
    need: Need
    count: int | None
    facts: tuple[tuple[str, str], ...] = ()
    models: int = 1
    patience: float = 300.0
    watch: float = 2.0


@dataclass(slots=True, eq=False)
class _Slot:
    """A place for one replica. `failures`: how often in a row it was lost before it answered anything."""

    number: int
    task: asyncio.Task[None] | None = None
    worker: Worker | None = None
    about: About = field(default_factory=About)
    chunks: dict[asyncio.Task[Answered], list[Item]] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    failures: int = 0
    ended: bool = False
    """Whether no other replica is to take its place."""
    answered: int = 0
    tokens: int = 0
    since: float = 0.0

    @property
    def pace(self) -> float:
        """Prompt and written tokens a second since it was there."""
        return self.tokens / max(1e-9, time.monotonic() - self.since)


def _seen(chunk: asyncio.Task[Answered]) -> None:
    if not chunk.cancelled():
        chunk.exception()


class Pool:
    """All replicas of one model, in one event loop."""

    def __init__(self, cluster: Cluster, wanted: Wanted) -> None:
        self._cluster = cluster
        self._wanted = wanted
        self._router = Router()
        self._slots: dict[int, _Slot] = {}
        self._next = 0
        self._given_up = 0
        self._hungry: set[int] = set()
        self._error: Exception | None = None
        self._closing = False
        self._without = time.monotonic()
        self._watching: asyncio.Task[None] | None = None
        self._facts: dict[str, str] = {}
        self.losses: Counter[str] = Counter()
        """Replicas that were lost, by node."""
        self.starts = 0

    async def answer(self, request: Request) -> Reply:
        """A request's reply. Raises what the replica raised, and RunError where no replica can be had."""
        if self._error is not None:
            raise self._error
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._queue(Item(request, future, prefix_of(request)))
        return await future

    def _queue(self, item: Item) -> None:
        home = self._router.add(item)
        for number in (home, *self._hungry):
            if number is not None and (slot := self._slots.get(number)):
                slot.wake.set()
        self._hungry.clear()

    def _rouse(self) -> None:
        for slot in self._slots.values():
            slot.wake.set()

    async def _watch(self) -> None:
        """Keep as many replicas as are wanted and fit, and end the run where there is none for too long."""
        try:
            while True:
                self._fill()
                if self._router.replicas:
                    self._without = time.monotonic()
                elif not self._slots or time.monotonic() - self._without > self._wanted.patience:
                    self._fail(self._none_left())
                    return
                await asyncio.sleep(self._wanted.watch)
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            self._fail(RunError(f"the replicas can't be watched: {type(error).__name__}: {error}"))

    def _fill(self) -> None:
        wanted = self._wanted.count
        if wanted is None or self._wanted.models > 1:
            # One waits where none fits: an autoscaler goes by what is asked for.
            most = max(1, self._cluster.fits(self._wanted.need) // self._wanted.models)
            wanted = most if wanted is None else min(wanted, most)
            idle = [slot for slot in self._slots.values() if slot.number not in self._router.replicas]
            for slot in idle[: max(0, len(self._slots) - wanted)]:
                self._drop(slot)  # its node has left: nobody waits for a place that is gone
        while len(self._slots) < wanted - self._given_up:
            slot = _Slot(self._next)
            self._next += 1
            self._slots[slot.number] = slot
            slot.task = asyncio.create_task(self._serve(slot))

    def _drop(self, slot: _Slot) -> None:
        slot.ended = True
        self._slots.pop(slot.number, None)
        if slot.task is not None:
            slot.task.cancel()
        if slot.worker is not None:
            slot.worker.kill()

    async def _serve(self, slot: _Slot) -> None:
        """Start a replica, feed it, and start another where it is lost."""
        try:
            while slot.failures < _STARTS:
                why = await self._life(slot)
                # A replica that was killed on purpose is not a loss; its end may come before the task is cancelled.
                if slot.ended:
                    return
                if slot.about.host:
                    self.losses[slot.about.host] += 1
                slot.failures = 0 if slot.answered else slot.failures + 1
                _log.warning("replica %d on %s was lost: %s", slot.number, slot.about.host or "no node", why)
                slot.about, slot.answered = About(), 0
            self._slots.pop(slot.number, None)
            self._given_up += 1
        except (UsageError, RunError) as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            self._fail(RunError(f"replica {slot.number} can't be served: {type(error).__name__}: {error}"))

    async def _life(self, slot: _Slot) -> str:
        """One replica from its start to its loss; why it was lost."""
        self.starts += 1
        worker = slot.worker = self._cluster.start(self._wanted.spec, self._wanted.need)
        try:
            slot.about = await worker.describe()
            self._check(slot.about)
            slot.since, slot.tokens = time.monotonic(), 0
            self._router.join(slot.number)
            self._rouse()
            await self._feed(slot, worker)
        except LostError as error:
            return str(error)
        finally:
            taken = [item for items in slot.chunks.values() for item in items]
            for chunk in slot.chunks:
                chunk.cancel()
            slot.chunks.clear()
            slot.worker = None
            self._router.leave(slot.number, self._tried_again(taken))
            self._rouse()
            if not self._closing:
                worker.kill()
        return "it ended"

    def _tried_again(self, items: list[Item]) -> list[Item]:
        again = []
        for item in items:
            item.losses += 1
            if item.losses >= _LOSSES and not item.future.done():
                item.future.set_exception(ModelError(f"{item.losses} replicas were lost over this request", "failed"))
            elif not item.future.done():
                again.append(item)
        return again

    def _check(self, about: About) -> None:
        if about.failure is not None:
            raise raised(about.failure, about.host)
        if about.digest != self._wanted.digest:
            here, there = dict(self._wanted.facts), dict(about.facts)
            differ = [name for name in sorted({*here, *there}) if here.get(name) != there.get(name)]
            raise UsageError(
                f"node {about.host} has another model under that name",
                found="; ".join(f"{name}: {here.get(name, '–')} here, {there.get(name, '–')} there" for name in differ),
                fix="the same files and versions on every node: a shared folder, or a hub id with revision=",
            )

    async def _feed(self, slot: _Slot, worker: Worker) -> None:
        """Keep a replica's hands full. Returns never; raises LostError."""
        while True:
            slot.wake.clear()
            while items := self._router.take(slot.number, self._room(slot)):
                chunk = asyncio.ensure_future(worker.answer([item.request for item in items]))
                chunk.add_done_callback(_seen)  # the chunks of a replica that is lost fail together
                slot.chunks[chunk] = items
            if not slot.chunks:
                self._hungry.add(slot.number)
            woken = asyncio.ensure_future(slot.wake.wait())
            try:
                done, _ = await asyncio.wait({woken, *slot.chunks}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                woken.cancel()
            for chunk in [chunk for chunk in slot.chunks if chunk in done]:
                self._deliver(slot, chunk.result(), slot.chunks[chunk])  # where it raises, the requests are asked again
                del slot.chunks[chunk]

    def _room(self, slot: _Slot) -> int:
        """Requests of the next call: no replica has more in hand than its share of all that is outstanding."""
        in_hand = sum(map(len, slot.chunks.values()))
        share = -(-self._router.outstanding // max(1, len(self._router.replicas)))
        return max(0, min(_CHUNK, IN_FLIGHT - in_hand, share - in_hand))

    def _deliver(self, slot: _Slot, answered: Answered, items: list[Item]) -> None:
        """Raises LostError, with nothing delivered, where the engine in the replica has ended."""
        for result in answered.results:
            if isinstance(result, Failure) and result.kind == "run":
                raise LostError(result.words.partition("\n")[0])
        self._facts |= dict(answered.facts)
        self._router.done(slot.number, len(items))
        slot.answered += len(items)
        for item, result in zip(items, answered.results, strict=True):
            if isinstance(result, Reply):
                usage = result.usage
                slot.tokens += (usage.prompt_tokens or 0) + (usage.completion_tokens or 0)
            if item.future.done():
                continue
            if isinstance(result, Failure):
                item.future.set_exception(raised(result, slot.about.host))
            else:
                item.future.set_result(result)

    def _none_left(self) -> RunError:
        lost = sum(self.losses.values())
        return RunError(
            f"no replica of {self._wanted.spec} is available{f': {lost} were lost' if lost else ''}.\n"
            f"  found: {self._cluster.words}; a replica takes {self._wanted.need}\n"
            "  try:   evalkit run --resume, with more nodes or with less for each replica (--replicas N,memory=GiB)"
        )

    def _fail(self, error: Exception) -> None:
        """End the run: whoever waits is told, and whoever asks later."""
        if self._closing:
            return
        self._error = self._error or error
        waiting = self._router.items()
        waiting += [item for slot in self._slots.values() for items in slot.chunks.values() for item in items]
        for item in waiting:
            if not item.future.done():
                item.future.set_exception(error)

    @property
    def status(self) -> str:
        """How many replicas there are, how fast they are and which is the slowest, in a few words."""
        there = [self._slots[number] for number in self._router.replicas if number in self._slots]
        if not there:
            return f"no replica yet of {len(self._slots)}"
        pace = sum(slot.pace for slot in there)
        slowest = min(there, key=lambda slot: slot.pace)
        words = f"{len(there)} of {len(self._slots)} replicas, {pace:,.0f} tokens/s"
        if len(there) > 1:
            words += f", the slowest {slowest.pace:,.0f} on {slowest.about.host}"
        return words + (f", {sum(self.losses.values())} lost" if self.losses else "")

    @property
    def facts(self) -> dict[str, str]:
        """What the manifest says: replicas and their nodes and devices, losses, and how one of them computes."""
        there = [slot.about for slot in self._slots.values() if slot.about.host]
        nodes = Counter(about.host for about in there)
        devices = Counter(device for about in there for device in about.devices)
        said = {"replicas": f"{len(there)}, {self.starts} started"}
        if nodes:
            said["nodes"] = ", ".join(f"{host} ({count})" for host, count in sorted(nodes.items()))
        if devices:
            said["devices"] = ", ".join(f"{device} ({count})" for device, count in sorted(devices.items()))
        if self.losses:
            said["lost"] = ", ".join(f"{count} on {host}" for host, count in sorted(self.losses.items()))
        return {**self._facts, **said}

    def abandon(self) -> None:
        """End all replicas of an event loop that is gone."""
        self._closing = True
        for slot in self._slots.values():
            slot.ended = True
            if slot.worker is not None:
                slot.worker.kill()

    async def close(self) -> None:
        """End all replicas; what waits fails."""
        self._fail(ModelError("the model was closed"))
        tasks = [task for task in [self._watching, *(slot.task for slot in self._slots.values())] if task]
        self.abandon()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._watching = None
