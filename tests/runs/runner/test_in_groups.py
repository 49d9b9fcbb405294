"""Samples that wait for each other: for how many, for how long, and what that leaves as it was."""

import asyncio
import time

import pytest

from evalkit.core import Record, Reply, Request
from evalkit.runs.runner import Settings, prepare
from evalkit.runs.runner.collect import Collector
from evalkit.runs.runner.evaluate import Evaluation
from evalkit.runs.runner.in_groups import InGroups
from tests.runs.runner.scripted import Parrot, say_task


async def gone_on(groups: InGroups, count: int, cancelled: int = -1) -> list[float]:
    """Seconds after which each of `count` samples goes on; minus 1 for the one that is cancelled."""
    started = time.monotonic()

    async def one() -> float:
        await groups.join()
        return time.monotonic() - started

    tasks = [asyncio.create_task(one()) for _ in range(count)]
    await asyncio.sleep(0)
    if cancelled >= 0:
        tasks[cancelled].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    return [took if isinstance(took, float) else -1.0 for took in found]


def test_a_full_group_goes_on_at_once_and_a_part_of_one_after_8_ms() -> None:
    took = asyncio.run(gone_on(InGroups(32), 4 + 4 + 3))
    assert max(took[:8]) < 0.007
    assert all(0.007 < seconds < 0.1 for seconds in took[8:])


def test_a_group_that_was_full_leaves_the_next_one_its_time() -> None:
    async def twice() -> list[float]:
        groups = InGroups(32)
        await gone_on(groups, 4)
        await asyncio.sleep(0.004)
        return await gone_on(groups, 3)

    assert min(asyncio.run(twice())) > 0.007


def test_where_few_samples_are_in_flight_none_waits() -> None:
    assert max(asyncio.run(gone_on(InGroups(15), 3))) < 0.007


def test_one_that_is_cancelled_leaves_the_others_in_their_group() -> None:
    took = asyncio.run(gone_on(InGroups(64), 3, cancelled=1))
    assert took[1] == -1.0
    assert all(0.007 < took[place] < 0.1 for place in (0, 2))


class Kept(Parrot):
    """Whose replies all come from the cache."""

    async def answer(self, request: Request) -> Reply:
        (text,) = (await super().answer(request)).texts
        return Reply(texts=(text,), finish=("stop",), source="cache")


def records(model: Parrot, *, grouped: bool) -> list[tuple[str, dict[str, float]]]:
    task = say_task(60)
    written: list[Record] = []
    prepared = prepare(task, task.name, "src", model, Settings())
    asyncio.run(Evaluation(prepared, model, written.append, Collector.of(task), grouped=grouped).run())
    return sorted((one.sample.id, {score.name: score.value for score in one.scores}) for one in written)


def test_every_sample_is_recorded_once_whatever_the_groups() -> None:
    alone = records(Parrot(window=48), grouped=False)
    assert len(alone) == 60
    assert records(Parrot(window=48), grouped=True) == alone
    assert records(Parrot(fails=lambda text: "7" in text, window=48), grouped=True) != alone


def test_replies_of_the_cache_wait_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_: InGroups) -> None:
        raise AssertionError("a reply of the cache waited")

    monkeypatch.setattr(InGroups, "join", never)
    assert len(records(Kept(window=48), grouped=True)) == 60
    with pytest.raises(AssertionError):
        records(Parrot(window=48), grouped=True)
