"""Replicas that are lost, restarted, added and refused: every request is answered once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

import pytest

from evalkit.core import Generate, ModelError, Prompt, Reply, Request, RunError, UsageError
from evalkit.models.replicas.pool import IN_FLIGHT, Pool, Wanted
from evalkit.models.replicas.settings import Need
from evalkit.models.replicas.worker import About, Failure
from tests.models.replicas.scripted_cluster import DIGEST, ScriptedCluster, ScriptedWorker, reply_to, worker


def requests(count: int, preambles: int = 3) -> list[Request]:
    return [Generate(Prompt(f"{n % preambles} {'preamble ' * 40}{n}")) for n in range(count)]


def wanted(count: int | None = 2, patience: float = 300.0) -> Wanted:
    return Wanted("tiny", DIGEST, Need({"CPU": 1}), count, patience=patience, watch=0.01)


def answered(
    cluster: ScriptedCluster, asked: Sequence[Request], plan: Wanted, meanwhile: Callable[[Pool], object] | None = None
) -> tuple[list[Reply | BaseException], Pool]:
    async def ask() -> tuple[list[Reply | BaseException], Pool]:
        pool = Pool(cluster, plan)
        found = asyncio.gather(*map(pool.answer, asked), return_exceptions=True)
        if meanwhile is not None:
            while not found.done():
                await asyncio.sleep(0.005)
                meanwhile(pool)
        results, facts = await found, dict(pool.facts)
        await pool.close()
        pool.told = facts  # type: ignore[attr-defined]
        return results, pool

    return asyncio.run(asyncio.wait_for(ask(), 60))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_request_is_answered_once_by_some_replica(count: int) -> None:
    cluster = ScriptedCluster(worker)
    asked = requests(3_000)
    found, _ = answered(cluster, asked, wanted(count))
    assert found == [reply_to(one) for one in asked]
    assert len(cluster.workers) == count
    assert sum(len(one.asked) for one in cluster.workers) == len(asked)
    assert all(0 < one.most_in_hand <= IN_FLIGHT for one in cluster.workers)


@pytest.mark.parametrize("seed", range(12))
def test_whoever_is_lost_when_nothing_is_lost_and_nothing_answered_twice(seed: int) -> None:
    draw = random.Random(seed)

    def make(number: int) -> ScriptedWorker:
        # The first ones die after some requests, or at once; later ones live.
        dies = draw.choice([-1, 1, draw.randint(2, 300)]) if number < 8 else -1
        return worker(number, dies_at=dies, seconds=draw.random() / 500)

    cluster = ScriptedCluster(make)
    asked = requests(600, preambles=draw.choice([1, 3, 600]))
    draw.shuffle(asked)
    plan = wanted(draw.choice([1, 2, 3]))
    found, pool = answered(cluster, asked, plan)
    lost = [one for one in found if isinstance(one, ModelError)]
    # Only a request that was in three replicas when they were lost may fail, and says so.
    assert all("3 replicas were lost over this request" in str(one) for one in lost)
    assert [one for one in found if isinstance(one, Reply)] == [
        reply_to(one) for one, got in zip(asked, found, strict=True) if isinstance(got, Reply)
    ]
    deaths = sum(0 <= one.dies_at <= len(one.asked) for one in cluster.workers)
    assert sum(pool.losses.values()) == deaths and pool.starts == len(cluster.workers)


def test_one_that_is_slow_is_helped_and_a_preamble_stays_with_who_has_it() -> None:
    cluster = ScriptedCluster(lambda number: worker(number, seconds=0.05 if number == 0 else 0.001))
    asked = requests(6_000, preambles=2)
    found, pool = answered(cluster, asked, wanted(2))
    assert found == [reply_to(one) for one in asked]
    slow, fast = cluster.workers
    assert len(fast.asked) > 3 * len(slow.asked) and pool._router.stolen

    even = ScriptedCluster(lambda number: worker(number, seconds=0.01))

    async def ask() -> None:
        pool = Pool(even, wanted(2))
        await pool.answer(Generate(Prompt("")))
        while len(pool._router.replicas) < 2:
            await asyncio.sleep(0.001)
        for one in even.workers:
            one.asked.clear()
        await asyncio.gather(*map(pool.answer, requests(100, preambles=2)))
        await pool.close()

    asyncio.run(ask())
    ends = [{one.prompt.text[:256] for one in each.asked if isinstance(one, Generate)} for each in even.workers]
    assert [len(each) for each in ends] == [1, 1] and ends[0] != ends[1]


def test_a_request_that_kills_whoever_is_asked_fails_alone() -> None:
    poison = Generate(Prompt("poison"))

    class Dies(ScriptedWorker):
        async def answer(self, asked: Sequence[Request]) -> object:  # type: ignore[override]
            if poison in asked:
                self.gone.set()
            return await super().answer(asked)

    cluster = ScriptedCluster(lambda number: Dies(About("node", number, (), DIGEST)))

    async def ask() -> tuple[Reply | BaseException, list[Reply]]:
        pool = Pool(cluster, wanted(2))
        first = [await pool.answer(one) for one in requests(5)]
        (bad,) = await asyncio.gather(pool.answer(poison), return_exceptions=True)
        rest = [await pool.answer(one) for one in requests(5)]
        await pool.close()
        return bad, first + rest

    bad, good = asyncio.run(asyncio.wait_for(ask(), 30))
    assert isinstance(bad, ModelError) and "3 replicas were lost" in str(bad)
    assert good == [reply_to(one) for one in requests(5)] * 2


def test_where_none_can_be_had_the_run_ends_and_says_what_to_do() -> None:
    cluster = ScriptedCluster(lambda number: worker(number, dies_at=1))
    found, _ = answered(cluster, requests(10), wanted(2))
    # The first ones may be blamed on the requests; nobody waits for ever.
    assert all(isinstance(one, RunError | ModelError) for one in found)
    cluster = ScriptedCluster(lambda number: worker(number, never_starts=True))
    found, _ = answered(cluster, requests(3), wanted(2, patience=0.05))
    assert all(isinstance(one, RunError) for one in found)
    assert "--resume" in str(found[0]) and "a replica takes 1 CPU" in str(found[0])


def test_a_node_with_other_weights_is_refused() -> None:
    other = About("node7", 1, (), "d2", (("weights", "sha256:2"), ("dtype", "float32")))
    cluster = ScriptedCluster(lambda number: ScriptedWorker(other))
    plan = Wanted("m", DIGEST, Need({"CPU": 1}), 1, (("weights", "sha256:1"), ("dtype", "float32")), watch=0.01)
    found, _ = answered(cluster, requests(2), plan)
    assert isinstance(found[0], UsageError)
    assert "node7" in str(found[0]) and "weights: sha256:1 here, sha256:2 there" in str(found[0])
    assert "dtype" not in str(found[0])


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (Failure("model", "too long", "refused"), ModelError),
        (Failure("usage", "can't be loaded", found="x", fix="y"), UsageError),
    ],
)
def test_what_a_replica_raises_is_raised_here(failure: Failure, error: type[Exception]) -> None:
    bad = requests(6)[4]
    cluster = ScriptedCluster(lambda n: worker(n, spoil=lambda one: failure if one == bad else reply_to(one)))
    found, _ = answered(cluster, requests(6), wanted(1))
    assert [type(one) for one in found] == [Reply] * 4 + [error, Reply]
    assert failure.words in str(found[4])


def test_a_replica_whose_engine_has_ended_is_started_again() -> None:
    ended = Failure("run", "vLLM's engine has ended.\n  try: …")

    def make(number: int) -> ScriptedWorker:
        asked = iter(range(10_000))
        return worker(number, spoil=lambda one: ended if number < 2 and next(asked) >= 150 else reply_to(one))

    cluster = ScriptedCluster(make)
    found, pool = answered(cluster, requests(1_000), wanted(2))
    assert found == [reply_to(one) for one in requests(1_000)]
    assert sum(pool.losses.values()) == 2 and len(cluster.workers) == 4
    cluster = ScriptedCluster(lambda n: worker(n, spoil=lambda one: ended))
    found, _ = answered(cluster, requests(1), wanted(1))
    assert isinstance(found[0], ModelError | RunError)


@pytest.mark.parametrize(
    ("count", "places", "models", "expected"),
    [(None, 6, 2, 3), (None, 6, 1, 6), (4, 6, 2, 3), (2, 6, 2, 2), (3, 1, 2, 1)],
)
def test_models_that_share_a_cluster_have_an_equal_part_of_it(
    count: int | None, places: int, models: int, expected: int
) -> None:
    cluster = ScriptedCluster(lambda number: worker(number, seconds=0.005), places=places)
    plan = Wanted("tiny", DIGEST, Need({"CPU": 1}), count, models=models, watch=0.01)
    found, _ = answered(cluster, requests(2_000), plan)
    assert found == [reply_to(one) for one in requests(2_000)]
    assert len(cluster.workers) == expected


def test_auto_grows_with_the_cluster_and_shrinks_with_it() -> None:
    cluster = ScriptedCluster(lambda number: worker(number, seconds=0.02), places=1)
    seen: set[int] = set()

    def change(pool: Pool) -> None:
        there = len(pool._router.replicas)
        seen.add(there)
        if there == 1 and len(cluster.workers) == 1:
            cluster.places = 3
        if there == 3:
            cluster.places = 1
            for one in cluster.workers[1:3]:
                one.never_starts = True
                one.kill()
            cluster.make = lambda number: worker(number, never_starts=True)

    asked = requests(3_000)
    found, pool = answered(cluster, asked, wanted(None), change)
    assert found == [reply_to(one) for one in asked]
    assert {1, 3} <= seen
    assert len(pool._slots) == 1 and pool.told["replicas"].startswith("1, ")  # type: ignore[attr-defined]
    assert sum(pool.losses.values()) == 2


def test_the_manifest_and_the_progress_name_replicas_nodes_and_losses() -> None:
    cluster = ScriptedCluster(lambda number: worker(number, dies_at=200 if number == 0 else -1, seconds=0.002))
    said: list[str] = []
    _, pool = answered(cluster, requests(2_000), wanted(2), lambda pool: said.append(pool.status))
    facts = pool.told  # type: ignore[attr-defined]
    assert facts["replicas"] == "2, 3 started" and facts["lost"] == "1 on node0"
    assert facts["nodes"] == "node0 (1), node1 (1)" and facts["devices"] == "CPU (2)" and facts["scoring"] == "scripted"
    assert any("2 of 2 replicas" in one and "tokens/s, the slowest" in one for one in said)


def test_after_close_nothing_waits_and_nobody_lives() -> None:
    cluster = ScriptedCluster(lambda number: worker(number, seconds=60))

    async def ask() -> list[Reply | BaseException]:
        pool = Pool(cluster, wanted(2))
        asked = [asyncio.ensure_future(pool.answer(one)) for one in requests(200)]
        await asyncio.sleep(0.05)
        await pool.close()
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task() and task not in asked]
        assert not left
        return await asyncio.gather(*asked, return_exceptions=True)

    assert all(isinstance(one, ModelError) and "closed" in str(one) for one in asyncio.run(ask()))
    assert all(one.gone.is_set() for one in cluster.workers)
