"""How many tokens a reply used, in every provider's fields, so that each is priced as what it was.

Fields: OpenAI, Groq, xAI, OpenRouter, Qwen (`prompt_tokens_details.cached_tokens`), DeepSeek
(`prompt_cache_hit_tokens`), Moonshot, Together (`cached_tokens`), Mistral (`num_cached_tokens`), LiteLLM and OpenRouter
before Anthropic (`cache_read_input_tokens`, `cache_creation_input_tokens`, `cache_write_tokens`).
"""

from __future__ import annotations

from typing import Any

from evalkit.core import Usage

__all__ = ["integer", "usage_of"]

_PLAIN = frozenset({"prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "total_tokens"})
"""What most servers say, and no more."""
_DETAILS = ("prompt_tokens_details", "prompt_token_details", "input_tokens_details", "input_token_details")
_WRITTEN = ("completion_tokens_details", "completion_token_details", "output_tokens_details", "output_token_details")
_CACHED = (
    "cached_tokens",
    "prompt_cache_hit_tokens",
    "cache_read_input_tokens",
    "num_cached_tokens",
    "cached_prompt_tokens",
    "cache_read_tokens",
)
_KEPT = ("cache_creation_input_tokens", "cache_write_tokens", "cache_creation_tokens")


def usage_of(usage: object) -> Usage:
    """The usage in any of OpenAI's formats, as OpenAI and those that imitate it give it."""
    given = usage if isinstance(usage, dict) else {}
    prompt = integer(given, "prompt_tokens", "input_tokens")
    written = integer(given, "completion_tokens", "output_tokens")
    total = integer(given, "total_tokens")
    thought = cached = kept = 0
    if not given.keys() <= _PLAIN:
        shown, told = _first(given, _DETAILS), _first(given, _WRITTEN)
        thought = integer(told, "reasoning_tokens") or integer(given, "reasoning_tokens")
        cached = integer(shown, *_CACHED) or integer(given, *_CACHED)
        kept = integer(shown, *_KEPT) or integer(given, *_KEPT)
    if total > prompt + written:
        # xAI, and Google's imitation, leave the thought out of what was written, but bill it.
        thought = max(thought, total - prompt - written)
        written = total - prompt
    return Usage(
        prompt,
        written,
        cached_tokens=min(prompt, cached),
        written_tokens=min(prompt, kept),
        reasoning_tokens=thought,
    )


def integer(values: object, *names: str) -> int:
    """The first of the fields that holds a number of tokens, else 0."""
    # What JSON has of mappings is a dict: asking whether something is a Mapping takes several times as long.
    if not isinstance(values, dict):
        return 0
    for name in names:
        value: Any = values.get(name)
        if value is None:
            continue
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15:
            return int(value)
    return 0


def _first(given: dict[str, Any], names: tuple[str, ...]) -> object:
    for name in names:
        if isinstance(value := given.get(name), dict):
            return value
    return None
