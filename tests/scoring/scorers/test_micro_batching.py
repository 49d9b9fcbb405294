"""The micro-batcher: what waits goes together, in order, and one bad item fails alone."""

from __future__ import annotations

import asyncio
import threading

import pytest

from evalkit.scoring.scorers.micro_batching import Gather


def test_items_that_wait_at_the_same_time_share_a_batch() -> None:
    batches: list[list[int]] = []

    def double(items: list[int]) -> list[int]:
        batches.append(items)
        return [2 * item for item in items]

    gather = Gather(double, most=8)

    async def ask() -> list[int]:
        return await asyncio.gather(*(gather.one(number) for number in range(20)))

    assert asyncio.run(ask()) == [2 * number for number in range(20)]
    assert [len(batch) for batch in batches] == [8, 8, 4]
    # The object works in another event loop as well.
    assert asyncio.run(ask()) == [2 * number for number in range(20)]


def test_what_arrives_a_turn_of_the_loop_later_still_joins() -> None:
    batches: list[list[int]] = []

    def note(items: list[int]) -> list[int]:
        batches.append(items)
        return items

    gather = Gather(note, most=8)

    async def late(number: int) -> int:
        for _ in range(number):
            await asyncio.sleep(0)
        return await gather.one(number)

    async def ask() -> list[int]:
        return await asyncio.gather(*map(late, range(5)))

    assert asyncio.run(ask()) == [0, 1, 2, 3, 4]
    assert batches == [[0, 1, 2, 3, 4]]


def test_computing_runs_in_a_thread_and_one_batch_at_a_time() -> None:
    busy, threads, overlaps = threading.Lock(), set(), []

    def compute(items: list[int]) -> list[int]:
        overlaps.append(not busy.acquire(blocking=False))
        threads.add(threading.current_thread() is threading.main_thread())
        busy.release()
        return items

    gather = Gather(compute, most=2)

    async def ask() -> None:
        await asyncio.gather(*(gather.one(number) for number in range(9)))

    asyncio.run(ask())
    assert threads == {False}
    assert not any(overlaps)


def test_one_bad_item_fails_alone() -> None:
    def invert(items: list[int]) -> list[float]:
        return [1 / item for item in items]

    gather = Gather(invert, most=8)

    async def ask() -> list[float | BaseException]:
        return await asyncio.gather(*(gather.one(number) for number in (1, 0, 2)), return_exceptions=True)

    one, none, half = asyncio.run(ask())
    assert (one, half) == (1.0, 0.5)
    assert isinstance(none, ZeroDivisionError)


def test_a_cancelled_item_is_left_out_and_the_rest_go_on() -> None:
    seen: list[int] = []

    def note(items: list[int]) -> list[int]:
        seen.extend(items)
        return items

    gather = Gather(note, most=8)

    async def ask() -> int:
        doomed = asyncio.ensure_future(gather.one(1))
        kept = asyncio.ensure_future(gather.one(2))
        await asyncio.sleep(0)
        doomed.cancel()
        with pytest.raises(asyncio.CancelledError):
            await doomed
        return await kept

    assert asyncio.run(asyncio.wait_for(ask(), 10)) == 2
    assert seen == [2]


def test_a_loop_that_was_closed_in_the_middle_does_not_stop_the_next() -> None:
    gather: Gather[int, int] = Gather(lambda items: items, most=8)
    left: list[asyncio.Task[int]] = []

    async def leave() -> None:
        left.append(asyncio.ensure_future(gather.one(1)))
        await asyncio.sleep(0)

    async def ask() -> int:
        return await asyncio.wait_for(gather.one(2), 10)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave())
    loop.close()
    assert asyncio.run(ask()) == 2
