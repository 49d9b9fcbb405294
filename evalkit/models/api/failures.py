"""What went wrong with a request, and whether sending it again can help."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evalkit.core import ModelError

__all__ = ["BadReplyError", "Failed", "Kind", "classify", "said"]

Kind = Literal["refused", "wrong", "unsupported", "overloaded", "broken", "unreachable"]
"""refused: key, credit or model are not accepted, whatever is asked. wrong: this request cannot succeed. unsupported:
a parameter that can be left out. overloaded: too much at once. broken: the server failed or its reply cannot be
read. unreachable: no connection, or it was lost."""

RETRIED: frozenset[Kind] = frozenset({"overloaded", "broken", "unreachable"})
_OVERLOADED = frozenset({429, 503, 529})
_BROKEN = frozenset({408, 409, 425, 500, 502, 504, 520, 521, 522, 523, 524})
_NO_CREDIT = ("insufficient_quota", "billing_hard_limit_reached", "credit balance is too low", "quota_exhausted")
_UNSUPPORTED = (
    "unsupported",
    "not support",
    "deprecated",
    "not permitted",
    "unrecognized",
    "unknown",
)
_NO_SYSTEM = re.compile(
    r"system (role|message|prompt|instruction)s?\b.*not (be )?support|not support.*system (role|message)"
)
"""Templates of models without a system role say so when they are shown one (Gemma's: "System role not supported")."""
DROPPABLE = (
    "temperature",
    "top_p",
    "seed",
    "logprobs",
    "top_logprobs",
    "stop",
    "stop_sequences",
    "max_tokens",
    "n",
    "reasoning_effort",
    "stream_options",
)


class BadReplyError(Exception):
    """A reply that came whole but is not what the format says."""


@dataclass(eq=False)
class Failed(Exception):  # noqa: N818 - an outcome that is handled, as a rule
    """One attempt that gave no answer. `words` are the server's own, without keys."""

    kind: Kind
    words: str
    status: int = 0
    wait: float | None = None
    """Seconds that the server asked to wait."""
    parameter: str = ""

    @property
    def again(self) -> bool:
        return self.kind in RETRIED

    def as_error(self, attempts: int) -> ModelError:
        times = f" after {attempts} attempts" if attempts > 1 else ""
        return ModelError(f"{self.where}{times}: {self.words}")

    @property
    def where(self) -> str:
        return f"HTTP {self.status}" if self.status else self.kind


def classify(status: int, body: object, text: str, wait: float | None) -> Failed:
    """The failure of an answer whose status is not 200, or whose body says that it is an error."""
    words, code, parameter = said(body, text)
    lowered = f"{code} {words}".lower()
    if status == 402 or any(mark in lowered for mark in _NO_CREDIT):
        return Failed("refused", words, status)
    if status in (401, 403):
        return Failed("refused", words, status)
    if status == 404:
        return Failed("refused", words, status)
    if status in _OVERLOADED:
        return Failed("overloaded", words, status, wait)
    if status in _BROKEN or status >= 500:
        return Failed("broken", words, status, wait)
    if status in (400, 422) and any(mark in lowered for mark in _UNSUPPORTED):
        named = parameter if parameter in DROPPABLE else _named_in(words)
        if not named and _NO_SYSTEM.search(lowered):
            named = "system"
        if named:
            return Failed("unsupported", words, status, parameter=named)
    return Failed("wrong", words, status)


def said(body: object, text: str) -> tuple[str, str, str]:
    """(message, code, parameter) of an error in any of the shapes servers use, else the beginning of its text."""
    found = body
    if isinstance(found, list) and found:  # Gemini's streaming endpoints wrap it
        found = found[0]
    if isinstance(found, Mapping):
        error = found.get("error", found)
        if isinstance(error, str):
            return error, "", ""
        if isinstance(error, Mapping):
            message = error.get("message") or error.get("detail") or found.get("message") or found.get("detail")
            code = error.get("code") or error.get("status") or error.get("type") or ""
            if message:
                return _text_of(message), str(code), str(error.get("param") or "")
    return " ".join(text.split())[:500] or "no reason given", "", ""


def _text_of(message: Any) -> str:
    if isinstance(message, str):
        return message
    if isinstance(message, list) and message and isinstance(message[0], Mapping):  # FastAPI's list of problems
        return "; ".join(f"{'.'.join(map(str, one.get('loc', ())))}: {one.get('msg', one)}" for one in message[:3])
    return str(message)


def _named_in(words: str) -> str:
    """The parameter that an error names, quoted or at the beginning; the longest where one holds another."""
    for name in sorted(DROPPABLE, key=len, reverse=True):
        if any(form in words for form in (f"'{name}'", f"`{name}`", f'"{name}"')) or words.startswith(f"{name}:"):
            return name
    return ""
