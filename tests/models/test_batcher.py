"""When a batch starts, what is in it, and what becomes of results, failures and cancelled jobs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from evalkit.core import ModelError
from evalkit.models.batcher import Batch, Batcher

IntFlight = Batch[int, int]


class Doubler:
    """Doubles numbers; remembers its batches, and waits for `gate` where a batch holds a number in `held`."""

    def __init__(self, held: tuple[int, ...] = ()) -> None:
        self.batches: list[tuple[int, ...]] = []
        self.held = held
        self.gate = threading.Event()
        self.begun = threading.Event()

    def __call__(self, batch: IntFlight) -> None:
        self.batches.append(batch.jobs)
        if any(job in self.held for job in batch.jobs):
            self.begun.set()
            assert self.gate.wait(10)
        for index, job in enumerate(batch.jobs):
            if not batch.wanted(index):
                continue
            batch.deliver(index, ValueError(f"{job} is odd") if job < 0 else 2 * job)


def batcher(compute: Callable[[IntFlight], None], budget: int = 1000) -> Batcher[int, int]:
    return Batcher(compute, executor=ThreadPoolExecutor(1), cost=lambda job: abs(job), budget=budget)


async def begun(doubler: Doubler) -> None:
    await asyncio.to_thread(doubler.begun.wait, 10)


def test_jobs_that_arrive_together_are_one_flight_with_each_its_own_result() -> None:
    doubler = Doubler()

    async def ask() -> list[int]:
        return list(await asyncio.gather(*(batch.submit(job) for job in range(100))))

    batch = batcher(doubler, budget=10**6)
    assert asyncio.run(ask()) == [2 * job for job in range(100)]
    assert doubler.batches == [tuple(range(100))]


def test_a_job_that_arrives_a_turn_later_still_joins() -> None:
    doubler = Doubler()

    async def late() -> int:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return await batch.submit(2)

    async def ask() -> list[int]:
        return list(await asyncio.gather(batch.submit(1), late()))

    batch = batcher(doubler)
    assert asyncio.run(ask()) == [2, 4]
    assert doubler.batches == [(1, 2)]


def test_a_full_budget_does_not_wait_for_company() -> None:
    doubler = Doubler()

    async def late() -> int:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return await batch.submit(2)

    async def ask() -> None:
        await asyncio.gather(batch.submit(1000), late())

    batch = batcher(doubler, budget=1000)
    asyncio.run(ask())
    assert doubler.batches == [(1000,), (2,)]


def test_what_arrives_during_a_flight_is_the_next_one_all_of_it() -> None:
    doubler = Doubler(held=(1,))

    async def ask() -> None:
        first = asyncio.create_task(batch.submit(1))
        await begun(doubler)
        rest = [asyncio.create_task(batch.submit(job)) for job in range(2, 50)]
        await asyncio.sleep(0.01)
        assert len(doubler.batches) == 1
        doubler.gate.set()
        await asyncio.gather(first, *rest)

    batch = batcher(doubler, budget=10)
    asyncio.run(ask())
    assert doubler.batches == [(1,), tuple(range(2, 50))]


def test_a_result_is_there_before_its_flight_ends() -> None:
    gate = threading.Event()

    def compute(batch: IntFlight) -> None:
        batch.deliver(0, 10)
        assert gate.wait(10)
        batch.deliver(1, 20)

    async def ask() -> None:
        first, second = (asyncio.create_task(batch.submit(job)) for job in (1, 2))
        assert await asyncio.wait_for(first, 5) == 10
        assert not second.done()
        gate.set()
        assert await second == 20

    batch = batcher(compute)
    asyncio.run(ask())


def test_one_failed_job_leaves_its_mates_alone() -> None:
    async def ask() -> list[int | BaseException]:
        return await asyncio.gather(*(batch.submit(job) for job in (1, -3, 2)), return_exceptions=True)

    batch = batcher(Doubler())
    one, bad, two = asyncio.run(ask())
    assert (one, two) == (2, 4)
    assert isinstance(bad, ModelError)
    assert "-3 is odd" in str(bad)


def test_a_flight_that_breaks_fails_its_unanswered_jobs_and_the_next_one_flies() -> None:
    def compute(batch: IntFlight) -> None:
        batch.deliver(0, 7)
        if 13 in batch.jobs:
            raise OSError("the device is gone")

    async def ask() -> None:
        first, second = await asyncio.gather(batch.submit(12), batch.submit(13), return_exceptions=True)
        assert first == 7
        assert isinstance(second, ModelError)
        assert "the device is gone" in str(second)
        assert await batch.submit(1) == 7

    batch = batcher(compute)
    asyncio.run(ask())


def test_a_job_that_gets_no_result_fails_instead_of_waiting_for_ever() -> None:
    batch = batcher(lambda batch: None)
    with pytest.raises(ModelError, match="no answer"):
        asyncio.run(asyncio.wait_for(batch.submit(1), 5))


def test_a_cancelled_waiting_job_is_dropped() -> None:
    doubler = Doubler(held=(1,))

    async def ask() -> None:
        first = asyncio.create_task(batch.submit(1))
        await begun(doubler)
        second, third = (asyncio.create_task(batch.submit(job)) for job in (2, 3))
        await asyncio.sleep(0)
        second.cancel()
        doubler.gate.set()
        assert await asyncio.gather(first, third) == [2, 6]

    batch = batcher(doubler)
    asyncio.run(ask())
    assert doubler.batches == [(1,), (3,)]


def test_a_job_cancelled_in_flight_is_not_wanted_any_more() -> None:
    seen: list[bool] = []
    gate, started = threading.Event(), threading.Event()

    def compute(batch: IntFlight) -> None:
        started.set()
        assert gate.wait(10)
        seen.extend(batch.wanted(index) for index in range(2))
        batch.deliver(0, 1)
        batch.deliver(1, 1)

    async def ask() -> None:
        first, second = (asyncio.create_task(batch.submit(job)) for job in (1, 2))
        await asyncio.to_thread(started.wait, 10)
        first.cancel()
        await asyncio.sleep(0)
        gate.set()
        assert await second == 1

    batch = batcher(compute)
    asyncio.run(ask())
    assert seen == [False, True]


def test_closing_fails_what_waits_and_what_flies_and_refuses_what_comes() -> None:
    doubler = Doubler(held=(1,))

    async def ask() -> None:
        first = asyncio.create_task(batch.submit(1))
        await begun(doubler)
        second = asyncio.create_task(batch.submit(2))
        await asyncio.sleep(0)
        closing = asyncio.create_task(batch.close())
        await asyncio.sleep(0)
        doubler.gate.set()
        await closing
        for task in (first, second):
            with pytest.raises(ModelError, match="closed"):
                await task
        with pytest.raises(ModelError, match="closed"):
            await batch.submit(3)

    batch = batcher(doubler)
    asyncio.run(ask())
    assert doubler.batches == [(1,)]


def test_a_batcher_goes_on_in_another_event_loop_after_one_was_given_up() -> None:
    doubler = Doubler(held=(1,))

    async def give_up() -> None:
        task = asyncio.create_task(batch.submit(1))
        await begun(doubler)
        task.cancel()

    async def ask() -> int:
        return await asyncio.wait_for(batch.submit(5), 10)

    batch = batcher(doubler)
    asyncio.run(give_up())
    doubler.gate.set()
    assert asyncio.run(ask()) == 10


class Halver:
    """What a batcher's `prepare` may be: notes its calls, and waits for `gate` in the first where it is `held`."""

    def __init__(self, held: bool = False) -> None:
        self.calls: list[list[int]] = []
        self.begun = threading.Event()
        self.gate = threading.Event()
        if not held:
            self.gate.set()

    def __call__(self, jobs: Sequence[int]) -> list[float]:
        self.calls.append(list(jobs))
        self.begun.set()
        assert self.gate.wait(10)
        if any(job < 0 for job in jobs):
            raise ValueError("odd")
        return [job / 2 for job in jobs]


async def until(true: Callable[[], bool]) -> None:
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came true")


def preparing(halver: Halver) -> tuple[Batcher[int, int], Doubler, list[tuple[object, ...]]]:
    doubler = Doubler(held=(1,))
    seen: list[tuple[object, ...]] = []

    def compute(batch: IntFlight) -> None:
        seen.append(batch.prepared)
        doubler(batch)

    return Batcher(compute, executor=ThreadPoolExecutor(1), budget=1000, prepare=halver), doubler, seen


def test_what_waits_is_prepared_once_while_a_flight_is_under_way() -> None:
    halver = Halver()
    batch, doubler, seen = preparing(halver)

    async def ask() -> list[int]:
        tasks = [asyncio.create_task(batch.submit(1))]
        await begun(doubler)
        tasks += [asyncio.create_task(batch.submit(job)) for job in (10, 20)]
        await until(lambda: len(halver.calls) == 1)
        tasks.append(asyncio.create_task(batch.submit(30)))
        await until(lambda: len(halver.calls) == 2)
        await asyncio.sleep(0.05)
        doubler.gate.set()
        return list(await asyncio.gather(*tasks))

    assert asyncio.run(ask()) == [2, 20, 40, 60]
    assert halver.calls == [[10, 20], [30]]
    assert seen == [(None,), (5.0, 10.0, 15.0)]


def test_a_flight_waits_for_what_is_being_prepared() -> None:
    halver = Halver(held=True)
    batch, doubler, seen = preparing(halver)

    async def ask() -> list[int]:
        tasks = [asyncio.create_task(batch.submit(1))]
        await begun(doubler)
        tasks.append(asyncio.create_task(batch.submit(10)))
        await asyncio.to_thread(halver.begun.wait, 10)
        doubler.gate.set()
        await tasks[0]
        await asyncio.sleep(0.05)
        assert doubler.batches == [(1,)]
        halver.gate.set()
        return list(await asyncio.gather(*tasks))

    assert asyncio.run(ask()) == [2, 20]
    assert seen == [(None,), (5.0,)]


def test_what_could_not_be_prepared_flies_all_the_same() -> None:
    halver = Halver()
    batch, doubler, seen = preparing(halver)

    async def ask() -> list[object]:
        tasks = [asyncio.create_task(batch.submit(1))]
        await begun(doubler)
        tasks += [asyncio.create_task(batch.submit(job)) for job in (-10, 20)]
        await until(lambda: bool(halver.calls))
        await asyncio.sleep(0.05)
        doubler.gate.set()
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    results = asyncio.run(ask())
    assert results[0] == 2
    assert isinstance(results[1], ModelError)
    assert results[2] == 40
    assert (halver.calls, seen) == ([[-10, 20]], [(None,), (None, None)])
