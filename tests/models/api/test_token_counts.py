"""Tokens in every provider's fields, and what they cost."""

from typing import Any

import pytest

from evalkit.core import Usage
from evalkit.models.api.prices import Price
from evalkit.models.api.token_counts import integer, usage_of

# As the providers document it, each for 1,000 prompt tokens, 800 of them cached.
CACHED: list[tuple[str, dict[str, Any]]] = [
    ("OpenAI, Groq, xAI, Qwen, vLLM", {"prompt_tokens": 1000, "prompt_tokens_details": {"cached_tokens": 800}}),
    ("DeepSeek", {"prompt_tokens": 1000, "prompt_cache_hit_tokens": 800, "prompt_cache_miss_tokens": 200}),
    ("Moonshot, Together", {"prompt_tokens": 1000, "cached_tokens": 800}),
    ("Mistral", {"prompt_tokens": 1000, "num_cached_tokens": 800}),
    (
        "LiteLLM before Anthropic",
        {"prompt_tokens": 1000, "cache_read_input_tokens": 800, "prompt_tokens_details": None},
    ),
    ("OpenAI's responses", {"input_tokens": 1000, "input_tokens_details": {"cached_tokens": 800}}),
]


@pytest.mark.parametrize(("provider", "usage"), CACHED, ids=lambda value: str(value)[:20])
def test_cached_tokens_have_their_price(provider: str, usage: dict[str, Any]) -> None:
    price = Price(2.0, 8.0, 0.5, 2.5)
    found = usage_of(usage)
    assert (found.prompt_tokens, found.cached_tokens) == (1000, 800)
    assert price.cost(found) == pytest.approx((200 * 2.0 + 800 * 0.5) / 1e6)


def test_tokens_written_to_a_cache_have_their_price() -> None:
    for usage in (
        {"prompt_tokens": 1000, "cache_creation_input_tokens": 300},
        {"prompt_tokens": 1000, "prompt_tokens_details": {"cache_write_tokens": 300}},
    ):
        assert Price(2.0, 8.0, 0.5, 2.5).cost(usage_of(usage)) == pytest.approx((700 * 2.0 + 300 * 2.5) / 1e6)


@pytest.mark.parametrize(
    ("usage", "written", "thought"),
    [
        # OpenAI counts the thought into what was written, xAI and Google's imitation of the format do not.
        (
            {"completion_tokens": 109, "completion_tokens_details": {"reasoning_tokens": 94}, "total_tokens": 141},
            109,
            94,
        ),
        (
            {"completion_tokens": 15, "completion_tokens_details": {"reasoning_tokens": 94}, "total_tokens": 141},
            109,
            94,
        ),
        ({"completion_tokens": 15, "total_tokens": 141}, 109, 94),
        ({"completion_tokens": 15, "total_tokens": 47}, 15, 0),
        ({"completion_tokens": 15}, 15, 0),
    ],
)
def test_thought_is_counted_as_it_is_billed(usage: dict[str, Any], written: int, thought: int) -> None:
    found = usage_of({"prompt_tokens": 32, **usage})
    assert (found.completion_tokens, found.reasoning_tokens) == (written, thought)


@pytest.mark.parametrize("value", [None, True, -3, "many", float("nan"), 1e300, [], {"a": 1}])
def test_what_is_no_number_of_tokens_is_none(value: Any) -> None:
    assert integer({"a": value}, "a") == 0
    assert usage_of(value if isinstance(value, dict) else {"prompt_tokens": value}) == Usage(0, 0)
