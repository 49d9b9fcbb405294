"""How long a server asks to wait, in headers, bodies and words, and that nobody is hammered."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from evalkit.core import Generate, ModelError, Prompt
from evalkit.models import resolve
from evalkit.models.api.rate_limit_headers import exhausted, retry_after
from evalkit.models.api.signals import classify
from tests.models.api.faultserver import FaultServer, error

NOW = datetime(2031, 5, 4, 12, 0, 0, tzinfo=UTC)
"""What the server's clock says: years ahead of this machine's."""


def at(seconds: float, form: str = "http") -> str:
    moment = NOW + timedelta(seconds=seconds)
    if form == "unix":
        return f"{moment.timestamp():.0f}"
    if form == "unix ms":
        return f"{moment.timestamp() * 1000:.0f}"
    return format_datetime(moment, usegmt=True) if form == "http" else moment.isoformat()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": at(30)}, 30.0),
        ({"retry-after": at(30, "iso")}, 30.0),
        ({"retry-after": at(30, "unix")}, 30.0),
        ({"retry-after": at(-30)}, None),
        ({"retry-after": at(0)}, None),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "0.0"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "1500ms"}, 1.5),
        ({"retry-after": "2 s"}, 2.0),
        ({"retry-after-ms": "0", "retry-after": "3"}, 3.0),
        ({"retry-after-ms": "-20"}, None),
        ({"x-ms-retry-after-ms": "400"}, 0.4),
    ],
)
def test_a_moment_is_read_by_the_servers_own_clock(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after({"date": at(0), **headers}) == (None if seconds is None else pytest.approx(seconds))


def test_a_limit_that_is_used_up_is_read_by_it_too() -> None:
    headers = {"date": at(0), "x-ratelimit-remaining": "0", "x-ratelimit-reset": at(12, "unix ms")}
    assert exhausted(headers) == pytest.approx(12.0)


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"error": {"details": [{"reason": "x"}, {"retryDelay": "34.5s"}]}}, 34.5),
        ({"error": {"retry_after": 3}}, 3.0),
        ({"retry_after_ms": 250}, 0.25),
        ({"error": "Model m is currently loading", "estimated_time": 20.0}, 20.0),
        ({"error": {"metadata": {"headers": {"Retry-After": "7"}}}}, 7.0),
        ({"error": {"message": "Rate limit reached. Please try again in 1m7.66s."}}, 67.66),
        ({"error": {"message": "Rate limit reached. Please try again in 20ms."}}, 0.02),
        ({"error": {"message": "Please retry after 6 seconds."}}, 6.0),
        ({"error": {"message": "No deployments available. Try again in 5 seconds. Passed model=m"}}, 5.0),
        ({"error": {"message": "Rate limit exceeded, wait for 2 minutes"}}, 120.0),
        ({"error": {"retry_after": -3, "message": "try again in 0s"}}, None),
        ({"error": {"message": "rate limit of 5 seconds a day; retry 3 times"}}, None),
        ({"error": {"retry_after": {"a": 1}}}, None),
    ],
)
def test_a_body_says_how_long(body: Any, seconds: float | None) -> None:
    found = classify(429, body).wait
    assert found == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("said", ["0", "-5", "0.001", "soon"])
def test_a_server_that_asks_for_no_wait_is_asked_no_faster_than_one_that_says_nothing(said: str) -> None:
    """By back-off alone: after about 0.4, 0.8 and 1.5 seconds."""
    with FaultServer() as server:

        async def busy(request: Any, body: Any, prompt: str) -> Any:
            return error(429, "slow down", {"retry-after": said})

        server._answer = busy  # type: ignore[method-assign]
        started = time.monotonic()

        async def work() -> ModelError:
            model = resolve("openai/m", {"api": "chat", "base_url": server.url, "deadline": "2"})
            try:
                with pytest.raises(ModelError) as caught:
                    await model.answer(Generate(Prompt("Say.")))
                return caught.value
            finally:
                await model.close()

        problem = asyncio.run(work())
    assert server.attempts["Say."] <= 4
    assert time.monotonic() - started <= 2.5, "the deadline did not end it"
    assert "429" in str(problem)
