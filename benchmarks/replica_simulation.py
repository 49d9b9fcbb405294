"""What the driver costs and how evenly scripted replicas work, without weights. docs/explanation/scale.md has figures.

    python benchmarks/replica_simulation.py driver --samples 1000000      # the real runner and journal, real time
    python benchmarks/replica_simulation.py balance --samples 1000000     # routing and losses alone, a virtual clock
    python benchmarks/replica_simulation.py failures --samples 1000000    # five runs that lose 5 % of their replicas

`driver` runs evalkit's runner over 64 replicas that answer at once: CPU time and memory a sample are the driver's.
`balance` gives every request a time (log-normal, mean 1 s, or the --spread), lets replicas die, and compares the time
that all of it takes with the sum of the work divided by the replicas.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import random
import selectors
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from host_overhead import Instant, Watch, counting_task

import evalkit
from evalkit.core import Generate, Prompt, Reply, Request, Usage
from evalkit.models.replicas.model import ReplicatedModel
from evalkit.models.replicas.pool import Pool, Wanted
from evalkit.models.replicas.ray_cluster import LostError, Worker
from evalkit.models.replicas.settings import Need, Replicas
from evalkit.models.replicas.worker import About, Answered

_BATCH = 32
"""Requests that a replica computes at a time in `balance`, each in its own time."""
_RESTART = 60.0
"""Seconds until a lost replica's successor has its weights."""
_REPLY = Reply(("x",), ("stop",), usage=Usage(300, 1))


class InstantWorker:
    """Answers as `host_overhead`'s model does."""

    def __init__(self, number: int, digest: str) -> None:
        self._about = About(f"node{number // 8}", 1 + number, (f"GPU {number % 8}",), digest)
        self._model = Instant()

    async def describe(self) -> About:
        return self._about

    async def answer(self, requests: Sequence[Request]) -> Answered:
        await asyncio.sleep(0)
        return Answered(tuple([await self._model.answer(one) for one in requests]))

    def kill(self) -> None: ...


class VirtualWorker:
    """Computes requests in batches that end with their longest one, and dies after a time that is drawn."""

    def __init__(self, cluster: ScriptedCluster, number: int) -> None:
        self._cluster = cluster
        self._number = number
        self._free = asyncio.Semaphore(_BATCH)
        self._gone = asyncio.Event()

    async def describe(self) -> About:
        cluster = self._cluster
        if self._number >= cluster.count:
            await asyncio.sleep(_RESTART)
        loop = asyncio.get_running_loop()
        if cluster.lifetime:
            # As often as others, whenever it began.
            loop.call_later(cluster.draw.expovariate(1 / cluster.lifetime), self._gone.set)
        if moment := cluster.moments.pop(self._number, 0.0):
            loop.call_at(moment, self._gone.set)
        return About(f"node{self._number % cluster.count // 8}", 1 + self._number, (), "d")

    async def answer(self, requests: Sequence[Request]) -> Answered:
        work: asyncio.Future[Any] = asyncio.gather(*map(self._one, requests))
        work.add_done_callback(lambda done: done.cancelled() or done.exception())
        gone: asyncio.Future[Any] = asyncio.ensure_future(self._gone.wait())
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if self._gone.is_set():
            work.cancel()
            raise LostError("drawn")
        gone.cancel()
        return Answered((_REPLY,) * len(requests))

    async def _one(self, request: Request) -> None:
        async with self._free:
            assert isinstance(request, Generate)
            await asyncio.sleep(request.seed / 1e6)

    def kill(self) -> None:
        self._gone.set()


class ScriptedCluster:
    """`count` places; `virtual`: replicas that take time and die after `lifetime` seconds on average (0: never)."""

    has_gpus = True
    words = "scripted"

    def __init__(self, count: int, *, virtual: bool, digest: str = "d", lifetime: float = 0.0) -> None:
        self.count, self._virtual, self._digest, self.lifetime = count, virtual, digest, lifetime
        self.draw = random.Random(1)
        self.moments: dict[int, float] = {}
        """When which of the first replicas is lost."""
        self._started = 0

    def fits(self, need: Need) -> int:
        return self.count

    def start(self, spec: str, need: Need) -> Worker:
        number = self._started
        self._started += 1
        return VirtualWorker(self, number) if self._virtual else InstantWorker(number, self._digest)

    def close(self) -> None: ...


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self._now

    def jump(self, seconds: float) -> None:
        self._now += seconds


class _Jumping(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout:
            self._loop.jump(timeout)
        return super().select(0)


def driver(samples: int, replicas: int) -> None:
    """The real runner over replicas that answer at once."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["EVALKIT_CACHE"] = str(folder / "cache")
        with (folder / "rows.jsonl").open("wb") as out:
            for number in range(samples):
                row = {"question": f"Repeat the number {number} please", "answer": str(number)}
                out.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        inner = Instant()
        cluster = ScriptedCluster(replicas, virtual=False, digest=inner.identity.digest)
        model = ReplicatedModel(inner, "instant", Replicas(replicas), cluster)
        watch = Watch()
        cpu, wall = time.process_time(), time.perf_counter()
        run = evalkit.run(counting_task(folder / "rows.jsonl"), model, out=folder / "run", cache=False, progress=watch)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        assert run.estimate("counting").value == 1.0 and run.estimate("counting").n == samples
        journal = (run.folder / "records.jsonl").stat().st_size
        print(
            f"{samples:>10,} samples  {replicas} replicas  {cpu / samples * 1e3:.4f} ms CPU a sample  {wall:.1f} s  "
            f"{(watch.peak - watch.baseline) / 1e6:.0f} MB above {watch.baseline / 1e6:.0f} MB  "
            f"{journal / samples:.0f} bytes of journal a sample",
            flush=True,
        )


def balance(
    samples: int, replicas: int, spread: float, lost: float, losses: int = 0, seed: int = 7
) -> tuple[float, float]:
    """Time of all requests, and the sum of their work over the replicas. `lost`: of 64 replicas, how many are lost an
    hour, as a share; `losses`: how many are lost in the run at random moments."""
    draw = random.Random(seed)
    requests = [
        Generate(
            Prompt(f"subject {n % 57} {'few shots ' * 4}"),
            seed=int(1e6 * draw.lognormvariate(-(spread**2) / 2, spread)),
        )
        for n in range(samples)
    ]
    ideal = sum(one.seed for one in requests) / 1e6 / replicas / _BATCH
    cluster = ScriptedCluster(replicas, virtual=True, lifetime=3600 / lost if lost else 0.0)
    cluster.moments = {number: draw.uniform(0, ideal) for number in draw.sample(range(replicas), losses)}
    wanted = Wanted("scripted", "d", Need({"GPU": 1}), replicas, watch=5.0, patience=math.inf)

    async def ask() -> tuple[float, Pool, int]:
        pool = Pool(cluster, wanted)
        begun = asyncio.get_running_loop().time()
        todo = iter(requests)
        failed = 0

        async def worker() -> None:
            nonlocal failed
            for request in todo:
                (reply,) = await asyncio.gather(pool.answer(request), return_exceptions=True)
                failed += not isinstance(reply, Reply)

        async with asyncio.TaskGroup() as group:
            for _ in range(1024 * replicas):
                group.create_task(worker())
        took = asyncio.get_running_loop().time() - begun
        await pool.close()
        return took, pool, failed

    cpu = time.process_time()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        took, pool, failed = runner.run(ask())
    cpu = time.process_time() - cpu
    print(
        f"{samples:>10,} samples  {replicas} replicas  {lost:.0%} lost an hour  {took:,.0f} s, {ideal:,.0f} s of work"
        f" ({ideal / took:.1%})  {sum(pool.losses.values())} losses  {pool._router.stolen:,} moved  {failed} failed"
        f"  {cpu / samples * 1e3:.4f} ms CPU a sample",
        flush=True,
    )
    return took, ideal


def failures(samples: int, replicas: int, spread: float, share: float) -> None:
    """Five runs in which exactly `share` of all replicas are lost, next to the same five without a loss."""
    runs = 5
    in_all = round(share * replicas * runs)
    each = [in_all // runs + (number < in_all % runs) for number in range(runs)]
    whole = [balance(samples // runs, replicas, spread, 0.0, 0, seed)[0] for seed in range(runs)]
    with_losses = [balance(samples // runs, replicas, spread, 0.0, each[seed], seed)[0] for seed in range(runs)]
    more = sum(with_losses) / sum(whole) - 1
    print(f"{in_all} of {runs * replicas} replicas lost ({in_all / runs / replicas:.1%}): {more:+.1%} time", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("driver", "balance", "failures"))
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--replicas", type=int, default=64)
    parser.add_argument("--spread", type=float, default=1.0, help="sigma of the logarithm of a request's time")
    parser.add_argument("--lost", type=float, default=0.05, help="share of the replicas that is lost an hour")
    arguments = parser.parse_args()
    if arguments.what == "driver":
        driver(arguments.samples, arguments.replicas)
    elif arguments.what == "failures":
        failures(arguments.samples, arguments.replicas, arguments.spread, arguments.lost)
    else:
        balance(arguments.samples, arguments.replicas, arguments.spread, arguments.lost)


if __name__ == "__main__":
    main()
