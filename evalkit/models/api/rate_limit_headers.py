"""What a server says about its limits: how long to wait, and the rate-limit headers in the forms providers use.

A moment is read by the server's own clock, its `Date` header, where it sends one: this machine's may be wrong.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

__all__ = ["exhausted", "retry_after"]

_PART = re.compile(r"(\d+(?:\.\d+)?) ?(ms|h|m|s|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_EPOCH = 1_000_000_000.0
_MILLISECONDS = ("retry-after-ms", "x-ms-retry-after-ms")
_LIMITS = (
    # OpenAI, Azure, Groq, Together, OpenRouter
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    # Anthropic
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
    ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
)
_WORDS = re.compile(
    # OpenAI, Groq: "Please try again in 1m7.66s"; Azure: "Please retry after 6 seconds"; LiteLLM: "Try again in 5 s"
    r"(?:try again|retry|retry after|wait)(?: in| after| for)?:? (?P<for>(?:\d+(?:\.\d+)? ?(?:ms|h|m|s|d)(?![a-z]))+"
    r"|\d+(?:\.\d+)? ?(?:milliseconds?|seconds?|minutes?|hours?))"
)
_LONG = (("milliseconds", "ms"), ("millisecond", "ms"), ("seconds", "s"), ("second", "s"), ("minutes", "m"))
_MORE = (("minute", "m"), ("hours", "h"), ("hour", "h"))


def retry_after(headers: Mapping[str, str], body: object = None, words: str = "") -> float | None:
    """Seconds that the server asks to wait before another attempt, None where it does not say.

    Read are `retry-after-ms`, `retry-after` (seconds or a moment), then what the body says: Google's `retryDelay`,
    `retry_after`, Hugging Face's `estimated_time`, a gateway's copy of the headers, and the message's words in small
    letters. A wait of nothing, a negative one and a moment that is past say nothing: the caller's own back-off holds.
    """
    now = _clock(headers)
    said = [value / 1000.0 for name in _MILLISECONDS if (value := _number(headers.get(name, ""))) is not None]
    if (text := headers.get("retry-after")) is not None:
        said.append(_seconds(text, now) or 0.0)
    found = next((seconds for seconds in said if seconds > 0.0), None)
    if found is None:
        found = next((seconds for seconds in _in_body(body, now) if seconds > 0.0), None)
    if found is None and (match := _WORDS.search(words)):
        found = _seconds(_short(match["for"]), now)
    return found if found else None


def exhausted(headers: Mapping[str, str]) -> float:
    """Seconds until a limit that this answer used up is there again; 0 where nothing is used up.

    "Used up" is a remaining number of 0. A negative one (Azure) means that nothing is counted.
    """
    resets = [reset for remaining, reset in _LIMITS if (left := headers.get(remaining)) and _number(left) == 0.0]
    said = [text for reset in resets if (text := headers.get(reset)) is not None]
    if not said:  # of nearly every answer: its moment is not read then
        return 0.0
    now = _clock(headers)
    return max(_seconds(text, now) or 0.0 for text in said)


def _clock(headers: Mapping[str, str]) -> float:
    """The server's time, in seconds since 1970."""
    moment = _moment(headers.get("date", ""))
    return time.time() if moment is None else moment


def _seconds(text: str, now: float) -> float | None:
    """Seconds from now of "6m0s", "12ms", "1.5", an RFC 3339 time, an HTTP date or a Unix time (also in ms)."""
    text = text.strip()
    value = _number(text)
    if value is not None:
        if value > 1000.0 * _EPOCH:
            value /= 1000.0
        return max(0.0, value - now) if value > _EPOCH else max(0.0, value)
    parts = _PART.findall(text)
    if parts and "".join(a + b for a, b in parts) == text.replace(" ", ""):
        return sum(float(amount) * _UNITS[unit] for amount, unit in parts)
    moment = _moment(text)
    return None if moment is None else max(0.0, moment - now)


def _moment(text: str) -> float | None:
    try:
        when = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        try:
            when = parsedate_to_datetime(text)
        except (ValueError, TypeError):
            return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value == value and abs(value) != float("inf") else None


def _in_body(body: object, now: float) -> Iterator[float]:
    """What the body's fields say, however deep they are."""
    if isinstance(body, list):
        for one in body[:8]:
            yield from _in_body(one, now)
    if not isinstance(body, Mapping):
        return
    for name, value in body.items():
        plain = str(name).lower().replace("-", "_")
        if plain in ("retrydelay", "retry_after", "retry_after_seconds", "estimated_time", "x_ratelimit_reset"):
            yield _any_seconds(value, now)
        elif plain in ("retry_after_ms", "retryafterms"):
            yield _any_seconds(value, now) / 1000.0
        elif plain in ("error", "details", "detail", "metadata", "headers", "parameters"):
            yield from _in_body(value, now)


def _any_seconds(value: Any, now: float) -> float:
    return _seconds(str(value), now) or 0.0 if isinstance(value, str | int | float) else 0.0


def _short(text: str) -> str:
    for word, unit in (*_LONG, *_MORE):
        text = text.replace(word, unit)
    return text
