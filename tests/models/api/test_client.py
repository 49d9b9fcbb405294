"""The way of a request against a server that fails as it is told to."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from evalkit.core import Generate, Model, ModelError, Prompt, Reply, RunError, UsageError
from evalkit.models import resolve
from tests.models.api.faultserver import FAULTS, FaultServer, error, random_faults


def opened(server: FaultServer, **options: Any) -> Model:
    options = {"api": "chat", "base_url": server.url, "timeout": "1", **options}
    return resolve("openai/parrot", {key: str(value) for key, value in options.items()})


def ask(model: Model, texts: Sequence[str], **fields: Any) -> list[Reply | BaseException]:
    async def work() -> list[Reply | BaseException]:
        try:
            requests = [Generate(Prompt(text), **fields) for text in texts]
            return await asyncio.gather(*map(model.answer, requests), return_exceptions=True)
        finally:
            await model.close()

    return asyncio.run(work())


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalkit.models.api.client._FIRST_WAIT", 0.01)
    monkeypatch.setattr("evalkit.models.api.client._LONGEST_WAIT", 0.1)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_request_that_fails_once_is_answered(fault: str) -> None:
    with FaultServer(lambda prompt, attempt: fault if attempt == 1 else "", stall=3.0) as server:
        (reply,) = ask(opened(server, timeout=0.5), ["say hello"])
    assert isinstance(reply, Reply), reply
    assert reply.texts == ("hello",)
    assert server.answered == {"say hello": 1}
    assert server.attempts["say hello"] == (1 if fault in ("trickle", "duplicate") else 2)


def test_a_drawn_reply_that_takes_too_long_is_not_drawn_again() -> None:
    """Only a shorter one would come back in its place."""
    with FaultServer(lambda prompt, attempt: "stall" if attempt == 1 else "", stall=3.0) as server:
        (lost,) = ask(opened(server, timeout=0.5), ["say hello"], temperature=1.0)
        (kept,) = ask(opened(server, timeout=0.5), ["say bye"])
    assert isinstance(lost, ModelError) and "not asked again" in str(lost)
    assert isinstance(kept, Reply)
    assert server.attempts == {"say hello": 1, "say bye": 2}


def test_with_30_per_cent_of_all_attempts_failing_in_every_way_every_request_ends_and_none_is_answered_twice() -> None:
    texts = [f"request number {number}" for number in range(600)]
    with FaultServer(random_faults(0.3, 1), stall=3.0) as server:
        replies = ask(opened(server, timeout=0.3, attempts=3, concurrency=64), texts)
    good = [reply for reply in replies if isinstance(reply, Reply)]
    assert all(isinstance(reply, Reply | ModelError) for reply in replies)
    assert len(good) > 550
    for text, reply in zip(texts, replies, strict=True):
        if isinstance(reply, Reply):
            assert reply.texts == (text.split()[-1],)
            assert server.answered[text] == 1
        else:
            assert server.answered[text] == 0, (text, reply)
    assert sum(reply.usage.completion_tokens for reply in good) == sum(server.answered.values())


def test_what_cannot_succeed_is_sent_once() -> None:
    with FaultServer(lambda prompt, attempt: "400" if "bad" in prompt else "") as server:
        good, bad = ask(opened(server), ["good one", "bad one"])
    assert isinstance(good, Reply)
    assert isinstance(bad, ModelError)
    assert "made to fail with 400" in str(bad)
    assert server.attempts["bad one"] == 1


@pytest.mark.parametrize("status", ["401", "404"])
def test_a_wrong_key_or_model_stops_the_run_after_a_few_with_the_servers_words(status: str) -> None:
    with FaultServer(lambda prompt, attempt: status) as server:
        replies = ask(opened(server, concurrency=1), [f"request {number}" for number in range(20)])
    stopping = [reply for reply in replies if isinstance(reply, UsageError)]
    assert stopping
    assert f"made to fail with {status}" in str(stopping[0])
    first = next(number for number, reply in enumerate(replies) if isinstance(reply, UsageError))
    assert first == 2  # the third request


def test_a_server_that_goes_away_stops_the_run_with_what_to_do() -> None:
    with FaultServer(lambda prompt, attempt: "" if prompt == "first" else "500") as server:
        model = opened(server, attempts=1, concurrency=4)
        replies = ask(model, ["first", *(f"request {number}" for number in range(30))])
    assert isinstance(replies[0], Reply)
    stopping = next(reply for reply in replies if isinstance(reply, RunError))
    assert "made to fail with 500" in str(stopping)
    assert "--resume" in str(stopping)


def test_where_nothing_listens_the_run_stops_soon() -> None:
    with FaultServer() as server:
        pass
    started = time.monotonic()
    replies = ask(opened(server, concurrency=8), [f"request {number}" for number in range(8)])
    assert any(isinstance(reply, UsageError) and "does not answer" in str(reply) for reply in replies)
    assert time.monotonic() - started < 5


def test_retry_after_holds_everyone_back() -> None:
    """One 429 that asks for a pause: requests that were not sent yet wait as well."""
    sent: list[tuple[float, str]] = []

    def plan(prompt: str, attempt: int) -> str:
        sent.append((time.monotonic(), prompt))
        return "429-after" if len(sent) == 1 else ""

    with FaultServer(plan) as server:
        replies = ask(opened(server, concurrency=1), [f"request {number}" for number in range(5)])
    assert all(isinstance(reply, Reply) for reply in replies)
    assert sent[1][0] - sent[0][0] >= 0.05


def test_a_wait_longer_than_the_deadline_stops_the_run_at_once() -> None:
    from tests.models.api.faultserver import error

    with FaultServer() as server:

        async def refuse(request: Any, body: Any, prompt: str) -> Any:
            return error(429, "come back tomorrow", {"retry-after": "86400"})

        server._answer = refuse  # type: ignore[method-assign]
        (reply,) = ask(opened(server, deadline=10), ["anything"])
    assert isinstance(reply, RunError)
    assert "86,400 s" in str(reply)


def test_a_model_without_a_system_role_is_told_in_the_first_turn() -> None:
    """The words are those of Gemma's template, as vLLM passes them on."""
    with FaultServer() as server:
        answer = server._answer

        async def templated(request: Any, body: Any, prompt: str) -> Any:
            if body["messages"][0]["role"] == "system":
                return error(400, "System role not supported")
            return await answer(request, body, prompt)

        server._answer = templated  # type: ignore[method-assign]
        model = opened(server, system="Be brief.", concurrency=1)
        replies = ask(model, ["say hello", "say more"])
    assert [reply.texts for reply in replies if isinstance(reply, Reply)] == [("hello",), ("more",)]
    assert [body["messages"] for body in server.bodies if body["messages"][0]["role"] == "user"] == [
        [{"role": "user", "content": f"Be brief.\n\nsay {word}"}] for word in ("hello", "more")
    ]
    assert model.facts["not taken by the server"] == "system"  # type: ignore[attr-defined]


def test_concurrency_adapts_to_a_server_that_takes_ten_at_once() -> None:
    with FaultServer(delay=0.01, most=10) as server:
        model = opened(server)
        replies = ask(model, [f"request {number}" for number in range(400)])
    assert all(isinstance(reply, Reply) for reply in replies)
    refused = sum(server.attempts.values()) - 400
    assert refused < 200, f"{refused} of 400 requests were refused"
    assert sum(server.answered.values()) == 400


def test_concurrency_grows_where_the_server_takes_it() -> None:
    # A delay that this machine's own work, however busy it is, does not come near: latency must not seem to rise.
    with FaultServer(delay=0.3) as server:
        ask(opened(server, timeout=30), [f"request {number}" for number in range(600)])
    assert server.peak > 64


def test_the_key_is_in_the_header_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk-secret-0123456789abcdef"
    monkeypatch.setenv("MY_KEY", key)

    with FaultServer(lambda prompt, attempt: "401") as server:

        async def echo_key(request: Any, body: Any, prompt: str) -> Any:
            return error(401, f"Incorrect API key provided: {key}. Or sk-s*********cdef", None)

        server._answer = echo_key  # type: ignore[method-assign]
        model = opened(server, key_env="MY_KEY", concurrency=1)
        replies = ask(model, ["a b", "c d", "e f"])
    assert (
        server.headers[0]["authorization" if "authorization" in server.headers[0] else "Authorization"]
        == f"Bearer {key}"
    )
    told = " ".join(map(str, replies)) + repr(model.identity) + repr(vars(model)) + str(getattr(model, "facts", ""))
    assert "Incorrect API key provided: [key]" in told
    assert key not in told
    assert "cdef" not in told


@pytest.mark.parametrize("stream", ["off", "on"])
def test_a_key_that_a_good_reply_repeats_is_taken_out(monkeypatch: pytest.MonkeyPatch, stream: str) -> None:
    """Proxies for debugging answer with what they were sent."""
    from aiohttp import web

    from tests.models.api.faultserver import chat

    key = "company-key-0123456789"
    monkeypatch.setenv("MY_KEY", key)
    with FaultServer() as server:

        async def echo(request: Any, body: Any, prompt: str) -> Any:
            return web.json_response(chat(f"you sent Bearer {key}", body, "1"))

        server._answer = echo  # type: ignore[method-assign]
        (reply,) = ask(opened(server, key_env="MY_KEY", stream=stream), ["hello"])
    assert isinstance(reply, Reply) and reply.texts == ("[key]",)


def test_a_parameter_that_the_server_does_not_take_is_left_out_and_named() -> None:
    from aiohttp import web

    from tests.models.api.faultserver import chat

    with FaultServer() as server:

        async def strict(request: Any, body: Any, prompt: str) -> Any:
            for name in ("temperature", "max_tokens"):
                if name in body:
                    words = f"Unsupported parameter: '{name}' is not supported with this model."
                    shape = {"message": words, "type": "invalid_request_error", "param": name}
                    return web.json_response({"error": {**shape, "code": "unsupported_parameter"}}, status=400)
            return web.json_response(chat(prompt, body, "1"))

        server._answer = strict  # type: ignore[method-assign]
        model = opened(server)
        replies = ask(model, ["one", "two", "three"])
    assert [reply.texts for reply in replies if isinstance(reply, Reply)] == [("one",), ("two",), ("three",)]
    assert server.bodies[-1]["max_completion_tokens"] == 256
    assert all("temperature-not-taken" in reply.notes for reply in replies if isinstance(reply, Reply))
    assert model.facts["not taken by the server"] == "max_tokens, temperature"  # type: ignore[attr-defined]


def test_a_server_that_ignores_n_is_asked_until_there_are_n() -> None:
    with FaultServer() as server:
        (reply,) = ask(opened(server), ["say hello"], n=3, temperature=1.0, seed=5)
    assert isinstance(reply, Reply)
    assert reply.texts == ("hello",) * 3
    assert reply.usage.completion_tokens == 3
    assert len({body["seed"] for body in server.bodies}) == 3


def test_requests_a_minute_are_kept() -> None:
    """600 a minute are ten a second, sixty of them at once: ninety requests take three seconds."""
    with FaultServer() as server:
        started = time.monotonic()
        ask(opened(server, rpm=600), [f"request {number}" for number in range(80)])
        took = time.monotonic() - started
    assert 1.8 < took < 5.0


def test_a_cancelled_request_leaves_room_for_others() -> None:
    async def work() -> Reply:
        model = opened(server, concurrency=1)
        first = asyncio.ensure_future(model.answer(Generate(Prompt("slow"))))
        await asyncio.sleep(0.1)
        second = asyncio.ensure_future(model.answer(Generate(Prompt("waits"))))
        await asyncio.sleep(0)
        first.cancel()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        reply = await asyncio.wait_for(model.answer(Generate(Prompt("third"))), 3)
        await model.close()
        return reply

    with FaultServer(lambda prompt, attempt: "stall" if prompt == "slow" else "") as server:
        assert asyncio.run(work()).texts == ("third",)
