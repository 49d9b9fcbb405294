"""What a person sees of a run under way: tokens a second from texts that are not done, and the time that is left."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from evalkit.cli.rendering.progress import Pace
from evalkit.core import Generate, Prompt, Record, Reply, Sample, Usage
from evalkit.models import resolve


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    now = [0.0]
    monkeypatch.setattr("evalkit.cli.rendering.progress.time.monotonic", lambda: now[0])
    yield now


def record(tokens: int, source: Any = "model") -> Record:
    reply = Reply(texts=("x",), usage=Usage(5, tokens), source=source)
    return Record("t", 0, Sample("1", "q"), replies=(reply,))


def test_tokens_are_counted_before_any_text_has_ended(clock: list[float]) -> None:
    pace = Pace(10, 0)
    clock[0] = 20.0
    pace.tick(30_000)
    assert pace.words(20.0) == "1,500 tokens/s", "no time left is promised before anything has ended"


def test_what_the_cache_answered_promises_nothing(clock: list[float]) -> None:
    """Eighty answers of the cache at once, then one of the model every ten seconds: of twenty the last ten take 100."""
    pace = Pace(100, 0)
    for _ in range(80):
        pace.advance(record(50, "cache"))
    assert pace.words(1.0) == ""
    for _ in range(10):
        clock[0] += 10.0
        pace.advance(record(400))
    assert pace.words(100.0) == "40 tokens/s, 1:40 min left"


def test_a_resumed_run_is_paced_by_what_it_asks_itself(clock: list[float]) -> None:
    pace = Pace(100, 60)
    for _ in range(5):
        clock[0] += 5.0
        pace.advance(record(10))
    assert pace.words(25.0) == "2 tokens/s, 2:55 min left"


@pytest.mark.parametrize("loading", [0.0, 40.0, 600.0])
@pytest.mark.parametrize("batch", [1, 6])
def test_what_happens_once_is_not_taken_for_the_pace(clock: list[float], loading: float, batch: int) -> None:
    """Ninety samples, one every 0.7 seconds after the weights are there: what is promised is never off by a third."""
    pace = Pace(90, 0)
    clock[0] = loading
    promised = []
    for done in range(batch, 91, batch):
        clock[0] += 0.7 * batch
        for _ in range(batch):
            pace.advance(record(10))
        if (left := pace.left(clock[0])) is not None:
            promised.append((left, 0.7 * (90 - done)))
    assert len(promised) >= 12
    assert all(abs(said - true) <= true / 3 for said, true in promised)


def test_a_few_slow_samples_get_a_promise_after_the_second(clock: list[float]) -> None:
    pace = Pace(6, 0)
    clock[0] = 200.0
    pace.advance(record(10))
    assert "left" not in pace.words(200.0)
    clock[0] = 360.0
    pace.advance(record(10))
    assert pace.words(360.0).endswith("10:40 min left")


def test_the_embedded_model_tells_what_it_has_written() -> None:
    pytest.importorskip("torch")
    model = resolve("tiny")

    async def written() -> tuple[int, int, int]:
        before = model.tokens_written  # type: ignore[attr-defined]
        reply = await model.answer(Generate(Prompt("One"), max_tokens=9, stop=()))
        found = model.tokens_written  # type: ignore[attr-defined]
        await model.close()
        return before, found, reply.usage.completion_tokens

    before, found, counted = asyncio.run(written())
    assert before == 0 and found == counted > 0
