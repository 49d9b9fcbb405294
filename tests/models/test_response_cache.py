"""The response cache: what hits, what never may, and what happens to requests under way at the same time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from evalkit.core import (
    Capabilities,
    Choose,
    Generate,
    Identity,
    Message,
    ModelError,
    Perplexity,
    Prompt,
    Reply,
    Request,
    Usage,
)
from evalkit.models import cached
from evalkit.models.response_cache import request_key

REPLY = Reply(
    texts=("né\n\x00", "🙂"),
    finish=("stop", "eos"),
    loglikelihoods=(-1.5, -math.inf),
    greedy=(True, False),
    usage=Usage(3, 4),
    seconds=0.25,
    truncated_tokens=2,
    notes=("join-backed-off",),
    rendered_digest="ab",
)


class Store(dict[str, bytes]):
    def put(self, key: str, value: bytes) -> None:
        self[key] = value

    def kept(self, key: str) -> float:
        return 0.0


class Scripted:
    """Counts what it is asked and answers `reply`, or raises it."""

    def __init__(self, reply: Reply | Exception = REPLY, name: str = "m") -> None:
        self.identity = Identity(name, (("weights", "1"),))
        self.capabilities = Capabilities()
        self.reply = reply
        self.asked: list[Request] = []
        self.go = asyncio.Event()
        self.go.set()
        self.cancelled = 0
        self.closed = False

    async def answer(self, request: Request) -> Reply:
        self.asked.append(request)
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply

    async def close(self) -> None:
        self.closed = True


BASE = Generate(Prompt("q", "p"), stop=("a", "b"))
OTHERS: list[Request] = [
    Generate(Prompt("q2", "p"), stop=("a", "b")),
    Generate(Prompt("pq"), stop=("a", "b")),
    Generate(Prompt(messages=(Message("user", "pq"),)), stop=("a", "b")),
    Generate(Prompt(messages=(Message("system", "pq"),)), stop=("a", "b")),
    replace(BASE, max_tokens=255),
    replace(BASE, stop=("a",)),
    replace(BASE, stop=("ab",)),
    replace(BASE, temperature=0.5),
    replace(BASE, top_p=0.5),
    replace(BASE, n=2),
    replace(BASE, seed=1),
    replace(BASE, repeat=1),
    Choose(Prompt("q", "p"), ("a", "b")),
    Choose(Prompt("q", "p"), ("ab",)),
    Choose(Prompt("q", "p"), ("a", "b"), delimiter=""),
    Perplexity("pq"),
    Perplexity("\ud800"),
]


def test_every_field_of_every_request_and_the_identity_stand_in_the_key() -> None:
    identities = [
        Identity("m"),
        Identity("m2"),
        Identity("m", (("dtype", "float16"),)),
        Identity("m", (("dtype", "x"),)),
    ]
    keys = {request_key(identity, request) for identity in identities for request in [BASE, *OTHERS]}
    assert len(keys) == 4 * (1 + len(OTHERS))
    assert all(len(key) == 32 for key in keys)


def test_the_same_request_is_asked_once_and_its_reply_is_the_same() -> None:
    store, model = Store(), Scripted()

    async def ask() -> tuple[Reply, Reply, Reply]:
        wrapped = cached(model, store)
        return await wrapped.answer(BASE), await wrapped.answer(BASE), await cached(Scripted(), store).answer(BASE)

    first, second, third = asyncio.run(ask())
    assert first == REPLY
    assert second == third == replace(REPLY, source="cache")
    assert len(model.asked) == 1


@pytest.mark.parametrize("other", OTHERS, ids=lambda request: type(request).__name__)
def test_another_request_never_hits(other: Request) -> None:
    model = Scripted()

    async def ask() -> None:
        wrapped = cached(model, Store())
        await wrapped.answer(BASE)
        assert (await wrapped.answer(other)).source == "model"

    asyncio.run(ask())
    assert model.asked == [BASE, other]


def test_another_model_never_hits() -> None:
    store, other = Store(), Scripted(name="other")

    async def ask() -> None:
        await cached(Scripted(), store).answer(BASE)
        await cached(other, store).answer(BASE)

    asyncio.run(ask())
    assert other.asked == [BASE]


def test_a_failure_is_not_kept() -> None:
    store, model = Store(), Scripted(ModelError("busy"))

    async def ask() -> Reply:
        wrapped = cached(model, store)
        with pytest.raises(ModelError, match="busy"):
            await wrapped.answer(BASE)
        model.reply = REPLY
        return await wrapped.answer(BASE)

    assert asyncio.run(ask()) == REPLY
    assert len(model.asked) == 2


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b'{"texts":["a"]}', b'{"usage":{},"unheard_of":1}', b"\xff"])
def test_a_broken_entry_is_asked_again(broken: bytes) -> None:
    model = Scripted()
    store = Store({request_key(model.identity, BASE): broken})
    assert asyncio.run(cached(model, store).answer(BASE)) == REPLY
    assert len(model.asked) == 1


def held(act: Callable[[Scripted, list[asyncio.Task[Reply]]], object]) -> tuple[Scripted, list[Reply | BaseException]]:
    """Three identical requests under way; `act` while the model is held; their outcomes after it."""

    async def ask() -> tuple[Scripted, list[Reply | BaseException]]:
        model = Scripted()
        model.go.clear()
        wrapped = cached(model, Store())
        tasks = [asyncio.create_task(wrapped.answer(BASE)) for _ in range(3)]
        await asyncio.sleep(0.01)
        act(model, tasks)
        await asyncio.sleep(0.01)
        model.go.set()
        return model, await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(ask())


def test_identical_requests_under_way_are_sent_once() -> None:
    model, replies = held(lambda model, tasks: None)
    assert len(model.asked) == 1
    assert replies == [REPLY, *[replace(REPLY, source="cache")] * 2]


def test_who_asks_between_the_reply_and_its_caller_gets_that_reply() -> None:
    async def ask() -> tuple[Scripted, list[Reply]]:
        late: list[asyncio.Task[Reply]] = []

        class Late(Scripted):
            async def answer(self, request: Request) -> Reply:
                reply = await super().answer(request)
                if not late:  # runs once this has returned, ahead of who asked first
                    late.append(asyncio.create_task(wrapped.answer(request)))
                return reply

        model = Late()
        wrapped = cached(model, Store())
        return model, [await wrapped.answer(BASE), await late[0]]

    model, replies = asyncio.run(asyncio.wait_for(ask(), 5.0))
    assert replies == [REPLY, replace(REPLY, source="cache")]
    assert len(model.asked) == 1


def test_cancelling_the_first_of_identical_requests_leaves_the_others_their_reply() -> None:
    model, (first, second, third) = held(lambda model, tasks: tasks[0].cancel())
    assert isinstance(first, asyncio.CancelledError)
    assert second == third == replace(REPLY, source="cache")
    assert len(model.asked) == 1
    assert model.cancelled == 0


def test_cancelling_all_of_them_gives_the_request_up() -> None:
    model, replies = held(lambda model, tasks: [task.cancel() for task in tasks])
    assert all(isinstance(reply, asyncio.CancelledError) for reply in replies)
    assert model.cancelled == 1


def test_a_failure_reaches_everyone_who_waits_for_it() -> None:
    async def ask() -> list[Reply | BaseException]:
        wrapped = cached(Scripted(ModelError("busy")), Store())
        return await asyncio.gather(*(wrapped.answer(BASE) for _ in range(3)), return_exceptions=True)

    assert [str(outcome) for outcome in asyncio.run(ask())] == ["busy"] * 3


def test_identity_capabilities_and_closing_are_the_models() -> None:
    model = Scripted()
    wrapped = cached(model, Store())
    assert wrapped.identity is model.identity
    assert wrapped.capabilities is model.capabilities
    asyncio.run(wrapped.close())
    assert model.closed
