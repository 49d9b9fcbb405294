"""One timer for all attempts: each ends when its own time is over, and whoever is cancelled stays cancelled.

asyncio.timeout is the oracle: what happens to a task is the same there.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from evalkit.models.api.time_limit import TimeLimit

Limit = Callable[[], AbstractAsyncContextManager[None]]


def ours(seconds: float) -> Limit:
    limit = TimeLimit(seconds)

    @asynccontextmanager
    async def inside() -> AsyncIterator[None]:
        with limit():
            yield

    return inside


def theirs(seconds: float) -> Limit:
    @asynccontextmanager
    async def inside() -> AsyncIterator[None]:
        async with asyncio.timeout(seconds):
            yield

    return inside


async def in_time(limit: Limit) -> str:
    async with limit():
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    return "done"


async def too_long(limit: Limit) -> str:
    async with limit():
        await asyncio.sleep(5)
    return "done"


async def fails(limit: Limit) -> str:
    async with limit():
        raise KeyError("a failure of its own")


async def goes_on(limit: Limit) -> str:
    """After its time was over, the task works on as any other."""
    try:
        await too_long(limit)
    except TimeoutError:
        await asyncio.sleep(0)
    task = asyncio.current_task()
    assert task is not None
    return f"cancelled {task.cancelling()} times"


async def cancelled(limit: Limit) -> str:
    asyncio.get_running_loop().call_later(0.005, asyncio.current_task().cancel)
    return await too_long(limit)


async def cancelled_at_its_end(limit: Limit) -> str:
    """Somebody cancels the task in the same turn of the loop in which its time is over."""
    async with limit():
        asyncio.get_running_loop().call_later(0.01, asyncio.current_task().cancel)
        time.sleep(0.03)
        await asyncio.sleep(5)
    return "done"


async def cancelled_before(limit: Limit) -> str:
    """A task that is being cancelled asks for something last, and that takes too long."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        await too_long(limit)
    return "done"


def outcome(work: Callable[[Limit], Awaitable[str]], limit: Callable[[float], Limit]) -> str:
    async def run() -> str:
        task = asyncio.ensure_future(work(limit(0.02)))
        (found,) = await asyncio.gather(task, return_exceptions=True)
        return found if isinstance(found, str) else type(found).__name__

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (in_time, "done"),
        (too_long, "TimeoutError"),
        (fails, "KeyError"),
        (goes_on, "cancelled 0 times"),
        (cancelled, "CancelledError"),
        (cancelled_at_its_end, "CancelledError"),
        (cancelled_before, "TimeoutError"),
    ],
)
def test_a_task_fares_as_with_asyncios_own_limit(work: Callable[[Limit], Awaitable[str]], expected: str) -> None:
    assert outcome(work, ours) == outcome(work, theirs) == expected


def test_each_ends_when_its_own_time_is_over() -> None:
    async def one(limit: TimeLimit, begins: float, works: float) -> float:
        await asyncio.sleep(begins)
        started = time.monotonic()
        try:
            with limit():
                await asyncio.sleep(works)
        except TimeoutError:
            return time.monotonic() - started
        return 0.0

    async def run() -> list[float]:
        limit = TimeLimit(0.1)
        found = await asyncio.gather(*(one(limit, 0.03 * place, 0.01 if place == 1 else 5.0) for place in range(4)))
        await asyncio.sleep(0.15)  # nothing is under way: the timer rests
        return [*found, await one(limit, 0.0, 5.0)]

    first, in_time, *others = asyncio.run(run())
    assert in_time == 0.0
    assert all(0.099 <= took < 0.2 for took in (first, *others))
