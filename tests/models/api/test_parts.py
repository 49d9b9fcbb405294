"""Options, keys, prices, limits and what servers say of them, each by itself."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from evalkit.core import Choose, Generate, Model, Prompt, Usage, UsageError
from evalkit.models import providers, resolve
from evalkit.models.api import rate_limit_headers
from evalkit.models.api.cost_limit import expected
from evalkit.models.api.options import ApiOptions
from evalkit.models.api.prices import Price, parse_price, price_of
from evalkit.models.api.providers import PRESETS
from evalkit.models.api.rate_limiter import Growth, PerMinute, RateLimiter
from evalkit.models.api.secrets import Secret, redacted
from evalkit.models.api.signals import classify

KEY = "sk-ant-0123456789abcdef0123"


def test_every_preset_is_a_provider() -> None:
    assert set(PRESETS) <= {entry.name for entry in providers()}


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if not preset.local])
def test_a_missing_key_is_a_usage_error_that_names_the_variable(name: str) -> None:
    with pytest.raises(UsageError, match="not set"):
        resolve(f"{name}/m")


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if not preset.local])
def test_with_a_key_a_model_opens_and_asks_nobody(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PRESETS[name].keys[0], KEY)
    model = resolve(f"{name}/m", {"base_url": "https://r.openai.azure.com/openai/v1"} if name == "azure" else {})
    assert model.identity.name.startswith(f"{name}/m")
    assert KEY not in repr(model.identity) + repr(vars(model))


def test_the_key_of_a_provider_is_not_sent_to_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    model = resolve("openai/m", {"base_url": "http://localhost:1/v1", "api": "chat"})
    assert model._client._headers == {}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"api_key": KEY}, "never given as an option"),
        ({"token": KEY}, "never given as an option"),
        ({"base_url": f"http://me:{KEY}@host/v1"}, "no user, password, key or query"),
        ({"base_url": f"http://host/v1?key={KEY}"}, "no user, password, key or query"),
        ({"base_url": "localhost:8000"}, "an http address"),
        ({"concurency": "3"}, "did you mean 'concurrency'"),
        ({"concurrency": "0"}, "whole number"),
        ({"timeout": "inf"}, "above 0"),
        ({"api": "chatt"}, "api=chat"),
        ({"extra": "[1]"}, "JSON object"),
        ({"price": "cheap"}, "input/output"),
        ({"key_env": "sk-0123456789abcdefgh"}, "name of an environment variable"),
    ],
)
def test_a_bad_option_says_what_would_work_and_shows_no_key(options: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        resolve("sglang/m", options)
    assert "0123456789abcdef" not in str(caught.value)


def test_identities_differ_by_what_changes_answers_and_by_server_only() -> None:
    def digest(**options: str) -> str:
        return resolve("sglang/m", options).identity.digest

    assert digest() == digest(concurrency="4", rpm="100", price="1/2", timeout="5")
    different = [
        digest(),
        digest(system="Be kind."),
        digest(effort="low"),
        digest(extra='{"top_k": 1}'),
        digest(api="chat"),
    ]
    different += [digest(base_url="http://elsewhere:8000/v1"), digest(thinking_tokens="100")]
    assert len(set(different)) == len(different)


def filled(headers: dict[str, str]) -> dict[str, str]:
    """Moments from now on, not from when the tests were collected."""
    now = datetime.now(UTC)
    moments = {
        "<HTTP date in 30 s>": format_datetime(now + timedelta(seconds=30), usegmt=True),
        "<RFC 3339 in 20 s>": (now + timedelta(seconds=20)).isoformat(),
    }
    return {name: moments.get(value, value) for name, value in headers.items()}


def test_secrets_show_nowhere() -> None:
    secret = Secret(KEY)
    assert KEY not in f"{secret} {secret!r} {[secret]}"
    assert Secret("company-word-77").redact("no company-word-77 here") == "no [key] here"  # it looks like no key
    assert secret.redact(f"Incorrect key {KEY} or sk-ant*****0123") == "Incorrect key [key] or [key]"
    for text in (
        f"Authorization: Bearer {KEY}",
        f"https://x/y?key={KEY}&z",
        f"http://u:{KEY}@h/",
        "AIzaSyA0123456789abcdefg",
    ):
        assert "0123456789" not in redacted(text)
    assert redacted("a task-force of sk-learn") == "a task-force of sk-learn"
    assert secret.scrub(f'{{"echo": "{KEY}", "b": "sk-proj-abcdefghijklmnop"}}'.encode()) == (
        b'{"echo": "[key]", "b": "sk-proj-abcdefghijklmnop"}'
    ), "a model may write what only looks like a key"
    assert Secret("").scrub(b"abc") == b"abc"


@pytest.mark.parametrize(
    "options",
    [
        {"extra": '{"api_key": "anything"}'},
        {"extra": '{"provider": {"headers": [{"X-Api-Key": "anything"}]}}'},
        {"extra": '{"note": "sk-0123456789abcdefgh"}'},
        {"extra": '{"note": "Bearer abcdef"}'},
        {"base_url": "https://gateway.example/v1/sk-0123456789abcdefgh/openai"},
        {"base_url": "https://u:p@gateway.example/v1"},
    ],
)
def test_a_key_in_an_option_is_refused_and_not_repeated(options: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="written into manifests") as caught:
        ApiOptions.parse(options)
    told = str(caught.value)
    assert "0123456789" not in told and "abcdef" not in told and "anything" not in told and "u:p" not in told


def test_what_is_no_key_passes() -> None:
    extra = {"top_k": 1, "max_completion_tokens": 5, "tokenizer": "llama", "provider": {"order": ["x"]}}
    assert ApiOptions.parse({"extra": json.dumps(extra)}).extra_body == extra


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "<HTTP date in 30 s>"}, 30.0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    found = rate_limit_headers.retry_after(filled(headers))
    assert found is None if seconds is None else found == pytest.approx(seconds, abs=2.0 if seconds == 30.0 else 1e-9)


def test_googles_retry_delay() -> None:
    detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}
    assert rate_limit_headers.retry_after({}, {"error": {"code": 429, "details": [detail]}}) == 34.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s"}, 90.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "120ms"}, 0.12),
        ({"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "6m0s"}, 0.0),
        ({"x-ratelimit-remaining-tokens": "-1", "x-ratelimit-reset-tokens": "0"}, 0.0),  # Azure's "not counted"
        (
            {
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-reset": "<RFC 3339 in 20 s>",
            },
            20.0,
        ),
    ],
)
def test_a_limit_that_is_used_up_is_waited_for(headers: dict[str, str], seconds: float) -> None:
    assert rate_limit_headers.exhausted(filled(headers)) == pytest.approx(seconds, abs=2.0 if seconds == 20.0 else 1e-9)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (401, {"message": "no"}, "refused"),
        (429, {"message": "quota", "code": "insufficient_quota"}, "spent"),
        (400, {"message": "Your credit balance is too low to access"}, "spent"),
        (429, {"message": "slow down"}, "overloaded"),
        (529, {"message": "Overloaded", "type": "overloaded_error"}, "overloaded"),
        (500, {"message": "oops"}, "broken"),
        (400, {"message": "maximum context length is 4096 tokens"}, "too long"),
        (
            400,
            {"message": "Unsupported value: 'temperature' does not support 0", "param": "temperature"},
            "unsupported",
        ),
        (400, {"message": "temperature: this parameter is deprecated for this model"}, "unsupported"),
        (400, {"message": "response_format is not supported"}, "wrong"),
    ],
)
def test_what_can_be_tried_again(status: int, error: dict[str, Any], kind: str) -> None:
    assert classify(status, {"error": error}, sent={"temperature": 0.0}).kind == kind


def test_growth_doubles_halves_and_recovers() -> None:
    growth = Growth(512, 16)
    for _ in range(16 + 32 + 64):
        growth.succeeded(1.0, held_back=True)
    assert growth.limit == 128
    assert growth.overloaded(sent=1.0, now=2.0)
    assert growth.limit == 64
    assert not growth.overloaded(sent=1.5, now=2.1)  # it was in flight with the other
    assert growth.limit == 64
    for _ in range(64):
        growth.succeeded(1.0, held_back=True)
    assert growth.limit == 70


def test_growth_steps_back_where_latency_rises_as_fast() -> None:
    growth = Growth(512, 16)
    for _ in range(40):
        limit = growth.limit
        for _ in range(limit):
            # A server that works on 32 at once: more wait there.
            growth.succeeded(max(1.0, limit / 32), held_back=True)
    assert 28 <= growth.limit <= 64


def test_growth_rests_while_nothing_waits() -> None:
    growth = Growth(512, 16)
    for _ in range(1000):
        growth.succeeded(1.0, held_back=False)
    assert growth.limit == 16


def test_a_budget_refills_evenly() -> None:
    budget = PerMinute(600, now=0.0)
    assert budget.delay(60, 0.0) == 0.0
    budget.take(60)
    assert budget.delay(1, 0.0) == pytest.approx(0.1)
    assert budget.delay(30, 1.0) == pytest.approx(2.0)
    assert budget.delay(10_000, 1000.0) == 0.0  # more than all of it: once it is full


def test_a_gate_lets_through_in_order_and_as_many_as_fit() -> None:
    async def work() -> list[int]:
        gate, order, inside = RateLimiter(Growth(3, 3)), [], 0

        async def one(number: int) -> None:
            nonlocal inside
            await gate.enter(1)
            inside += 1
            assert inside <= 3
            order.append(number)
            await asyncio.sleep(0.001)
            inside -= 1
            gate.leave()

        await asyncio.gather(*(one(number) for number in range(30)))
        return order

    assert asyncio.run(work()) == list(range(30))


def test_tokens_a_minute_are_kept_and_set_right() -> None:
    async def work() -> float:
        gate = RateLimiter(Growth(8, 8), tokens=6000)  # 100 a second, 600 at once
        started = time.monotonic()
        for _ in range(3):
            await gate.enter(300)
            gate.correct(300, 200)
            gate.leave()
        return time.monotonic() - started

    # 400 are used, and 300 must be free for the last: 100 more than there were, a second. Uncorrected it is three.
    assert 0.9 < asyncio.run(work()) < 2.5


def test_prices() -> None:
    price = parse_price("2/8/0.5/2.5")
    usage = Usage(1000, 100, cached_tokens=300, written_tokens=200)
    assert price.cost(usage) == pytest.approx((500 * 2 + 300 * 0.5 + 200 * 2.5 + 100 * 8) / 1e6)
    assert price_of("openai/gpt-4o-mini-2024-07-18") == price_of("openai/gpt-4o-mini") == Price(0.15, 0.6, 0.075, 0.15)
    assert price_of("openai/gpt-4o-mini-of-mine") is None


def test_prices_are_overridden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "prices.json"
    table.write_text(json.dumps({"models": {"openai/gpt-4o-mini": [1, 2], "groq/mine": [3, 4]}}))
    monkeypatch.setenv("EVALKIT_PRICES", str(table))
    assert price_of("openai/gpt-4o-mini") == Price(1, 2, 1, 1)
    assert price_of("groq/mine") == Price(3, 4, 3, 3)
    table.with_name("broken.json").write_text("[]")
    monkeypatch.setenv("EVALKIT_PRICES", str(table.with_name("broken.json")))
    with pytest.raises(UsageError, match="not a table of prices"):
        price_of("openai/gpt-4o-mini")


def test_a_request_is_expected_to_use_more_than_it_does() -> None:
    text = "The quick brown fox jumps over the lazy dog. " * 10  # 100 tokens of GPT-4's, 450 characters
    assert expected(Generate(Prompt(text), max_tokens=50, n=2)).completion_tokens == 100
    assert expected(Generate(Prompt(text))).prompt_tokens > 100
    assert expected(Choose(Prompt(text), ("a", "b"))).prompt_tokens > 200


def test_what_is_chat_only_has_its_choices_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    model: Model = resolve("openai/gpt-4o")
    assert Choose not in model.capabilities.requests
    assert model.capabilities.chats
    assert {"schema", "tools"} <= model.capabilities.features
