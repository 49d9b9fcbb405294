"""A cluster of workers in this process that are lost when a test says so; and one whose nodes come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from evalkit.core import Generate, Reply, Request, Usage
from evalkit.models.replicas.ray_cluster import LostError
from evalkit.models.replicas.settings import Need
from evalkit.models.replicas.worker import About, Answered, Failure

DIGEST = "d1"


def reply_to(request: Request) -> Reply:
    assert isinstance(request, Generate)
    return Reply(texts=(request.prompt.text.upper(),), usage=Usage(prompt_tokens=3, completion_tokens=1))


@dataclass(eq=False)
class ScriptedWorker:
    """Answers one chunk after the other, each in `seconds`. `about`: what it says of itself."""

    about: About
    seconds: float = 0.0
    spoil: Callable[[Request], Reply | Failure] = reply_to
    asked: list[Request] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    device: asyncio.Lock = field(default_factory=asyncio.Lock)
    in_hand: int = 0
    most_in_hand: int = 0
    dies_at: int = -1
    """It is lost when it is asked this many requests; -1: never."""
    never_starts: bool = False

    async def _or_lost(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.gone.wait(), seconds or 1e-4)
        except TimeoutError:
            return
        raise LostError("the actor died")

    async def describe(self) -> About:
        await self._or_lost(3600 if self.never_starts else 0.0)
        return self.about

    async def answer(self, requests: Sequence[Request]) -> Answered:
        self.asked += requests
        self.in_hand += len(requests)
        self.most_in_hand = max(self.most_in_hand, self.in_hand)
        if 0 <= self.dies_at <= len(self.asked):
            self.gone.set()
        try:
            async with self.device:
                await self._or_lost(self.seconds)
        finally:
            self.in_hand -= len(requests)
        return Answered(tuple(self.spoil(one) for one in requests), (("scoring", "scripted"),))

    def kill(self) -> None:
        self.gone.set()


@dataclass
class ScriptedCluster:
    """`make`: the worker of the n-th start. `places`: how many replicas fit now."""

    make: Callable[[int], ScriptedWorker]
    places: int = 2
    workers: list[ScriptedWorker] = field(default_factory=list)
    has_gpus: bool = False
    words: str = "1 node (2 CPU)"

    def fits(self, need: Need) -> int:
        return self.places

    def start(self, spec: str, need: Need) -> ScriptedWorker:
        worker = self.make(len(self.workers))
        self.workers.append(worker)
        return worker

    def close(self) -> None: ...


def worker(number: int, **more: object) -> ScriptedWorker:
    return ScriptedWorker(About(f"node{number % 2}", 100 + number, ("CPU",), DIGEST), **more)  # type: ignore[arg-type]
