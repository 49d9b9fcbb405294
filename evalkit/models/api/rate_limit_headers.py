"""What a server says about its limits: Retry-After and the rate-limit headers in the forms providers use."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["exhausted", "retry_after"]

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_EPOCH = 1_000_000_000.0
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


def retry_after(headers: Mapping[str, str], body: object = None) -> float | None:
    """Seconds that the server asks to wait before another attempt, None where it does not say.

    Read are `retry-after-ms`, `retry-after` (seconds or an HTTP date) and the `retryDelay` in a Google error's details.
    """
    if (exact := headers.get("retry-after-ms")) is not None and (value := _number(exact)) is not None:
        return max(0.0, value / 1000.0)
    said = headers.get("retry-after")
    if said is not None and (seconds := _seconds(said)) is not None:
        return seconds
    return _retry_delay(body)


def exhausted(headers: Mapping[str, str]) -> float:
    """Seconds until a limit that this answer used up is there again; 0 where nothing is used up.

    "Used up" is a remaining number of 0. A negative one (Azure) means that nothing is counted.
    """
    wait = 0.0
    for remaining, reset in _LIMITS:
        left = headers.get(remaining)
        if left is not None and _number(left) == 0.0 and (said := headers.get(reset)) is not None:
            wait = max(wait, _seconds(said) or 0.0)
    return wait


def _seconds(text: str) -> float | None:
    """Seconds from now of "6m0s", "12ms", "1.5", an RFC 3339 time, an HTTP date or a Unix time (also in ms)."""
    text = text.strip()
    value = _number(text)
    if value is not None:
        if value > 1000.0 * _EPOCH:
            value /= 1000.0
        return max(0.0, value - time.time()) if value > _EPOCH else max(0.0, value)
    parts = _PART.findall(text)
    if parts and "".join(a + b for a, b in parts) == text:
        return sum(float(amount) * _UNITS[unit] for amount, unit in parts)
    return _until(text)


def _until(text: str) -> float | None:
    try:
        when = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        try:
            when = parsedate_to_datetime(text)
        except (ValueError, TypeError):
            return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value == value and abs(value) != float("inf") else None


def _retry_delay(body: object) -> float | None:
    if isinstance(body, list) and body:
        body = body[0]
    error = body.get("error") if isinstance(body, Mapping) else None
    details = error.get("details") if isinstance(error, Mapping) else None
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, Mapping) and isinstance(delay := detail.get("retryDelay"), str):
            return _seconds(delay)
    return None
