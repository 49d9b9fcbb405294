"""What a run does with this processor while a model elsewhere answers."""

import asyncio
import gc
import importlib
import threading
import time
from collections.abc import Iterator

import pytest

from evalkit.runs.runner import elsewhere


class Later:
    """The one method of an event loop that is needed: what was put off, and until when."""

    def __init__(self) -> None:
        self.put_off: list[float] = []

    def call_later(self, seconds: float, *_: object) -> None:
        self.put_off.append(seconds)


def test_what_intervals_need_is_imported_where_requests_leave_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = threading.Event()
    monkeypatch.setattr(importlib, "import_module", lambda name: imported.set())
    busy, idle = Later(), Later()
    elsewhere._import_ahead(busy, time.monotonic() - 1.0, time.thread_time() - 0.5)  # type: ignore[arg-type]
    assert busy.put_off
    assert not imported.wait(0.05)
    elsewhere._import_ahead(idle, time.monotonic() - 1.0, time.thread_time() - 0.1)  # type: ignore[arg-type]
    assert imported.wait(5.0)
    assert not idle.put_off


@pytest.fixture
def collector() -> Iterator[None]:
    before = gc.get_threshold()
    gc.unfreeze()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


async def seen() -> tuple[tuple[int, int, int], int]:
    with elsewhere.answering():
        return gc.get_threshold(), gc.get_freeze_count()


@pytest.mark.usefixtures("collector")
def test_garbage_is_looked_for_seldom_and_not_in_what_was_there() -> None:
    gc.set_threshold(700, 7, 8)
    threshold, frozen = asyncio.run(seen())
    assert threshold == (10_000, 7, 8)
    assert frozen > 1000
    assert gc.get_threshold() == (700, 7, 8)
    assert gc.get_freeze_count() == 0


@pytest.mark.usefixtures("collector")
@pytest.mark.parametrize("chosen", [(0, 10, 10), (50_000, 5, 5)])
def test_who_collects_more_seldom_or_not_at_all_keeps_that(chosen: tuple[int, int, int]) -> None:
    gc.set_threshold(*chosen)
    assert asyncio.run(seen())[0] == chosen
    assert gc.get_threshold() == chosen


@pytest.mark.usefixtures("collector")
def test_what_a_caller_has_frozen_stays_frozen() -> None:
    gc.freeze()
    count = gc.get_freeze_count()
    assert asyncio.run(seen())[1] <= count
    assert 0 < gc.get_freeze_count() <= count


@pytest.mark.usefixtures("collector")
def test_garbage_is_collected_all_the_same() -> None:
    """A scorer that leaves cycles costs a bounded amount of memory."""

    async def left() -> int:
        with elsewhere.answering():
            for _ in range(40_000):
                cycle: list[object] = []
                cycle.append(cycle)
            return sum(type(one) is list and len(one) == 1 and one[0] is one for one in gc.get_objects())

    assert asyncio.run(left()) <= 10_001


@pytest.mark.usefixtures("collector")
def test_of_two_runs_the_last_one_restores_what_was() -> None:
    gc.set_threshold(700, 10, 10)

    async def both() -> list[int]:
        first, second, found = elsewhere.answering(), elsewhere.answering(), []
        for step in (first.__enter__, second.__enter__, lambda: first.__exit__(None, None, None)):
            step()
            found.append(gc.get_threshold()[0])
        second.__exit__(None, None, None)
        return found

    assert asyncio.run(both()) == [10_000] * 3
    assert gc.get_threshold() == (700, 10, 10)
    assert gc.get_freeze_count() == 0
