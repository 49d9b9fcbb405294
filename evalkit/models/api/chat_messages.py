"""A chat completion's message in the shapes that servers give it: text, thought, tool calls, log-probabilities.

Content is a text, nothing (with tool calls), a part or a list of parts (Mistral, gateways); arguments are JSON text or
an object (Ollama, llama.cpp); a call may have the older shape `function_call`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evalkit.core import ToolCall
from evalkit.models.api.failures import BadReplyError
from evalkit.models.api.finish_reasons import MALFORMED_CALL
from evalkit.models.api.wire_format import arguments_of

__all__ = ["calls_of", "likeliest_of", "message_of", "texts_of", "thought_of"]

_THOUGHT = ("reasoning_content", "reasoning", "thinking", "reasoning_details")
_MINUS_INFINITY = -math.inf


def message_of(choice: Mapping[str, Any]) -> Mapping[str, Any]:
    """The message of a choice. Raises BadReplyError where there is none."""
    message: object = choice.get("message")
    if isinstance(message, dict):
        return message
    if isinstance(message, str) or isinstance(choice.get("text"), str):
        return {"content": message if isinstance(message, str) else choice["text"]}
    delta = choice.get("delta")
    if isinstance(delta, Mapping) and any(delta.get(name) for name in ("content", "tool_calls", *_THOUGHT)):
        return delta
    raise BadReplyError("a choice has no message")


def texts_of(content: object) -> tuple[str, str]:
    """(text, thought) of a message's content. Raises BadReplyError for what is none."""
    if content is None or isinstance(content, str):
        return content or "", ""
    if isinstance(content, Mapping):
        content = content["parts"] if isinstance(content.get("parts"), list) else [content]
    if not isinstance(content, list):
        raise BadReplyError("a message's content is not text")
    parts = [part if isinstance(part, Mapping) else {"type": "text", "text": part} for part in content]
    text = "".join(_joined(part) for part in parts if part.get("type", "text") in ("text", "output_text"))
    thought = "".join(_joined(part) for part in parts if part.get("type") in ("thinking", "reasoning"))
    return text, thought


def thought_of(message: Mapping[str, Any]) -> str:
    """The thought that a server keeps apart from the text."""
    for name in _THOUGHT:
        if (said := message.get(name)) and (text := _joined(said)):
            return text
    return ""


def calls_of(message: Mapping[str, Any]) -> tuple[tuple[ToolCall, ...], tuple[str, ...]]:
    """(calls, notes) of a message; a call without a name is none."""
    given = message.get("tool_calls")
    if given is None and message.get("function_call") is None:
        return (), ()
    found = list(given) if isinstance(given, list) else [given] if isinstance(given, Mapping) else []
    if not found and isinstance(message.get("function_call"), Mapping):
        found = [{"function": message["function_call"]}]
    calls, notes = [], []
    for one in found:
        function = one.get("function") if isinstance(one, Mapping) else None
        said = function if isinstance(function, Mapping) else one if isinstance(one, Mapping) else {}
        if isinstance(name := said.get("name"), str) and name:
            calls.append(ToolCall(name, arguments_of(said.get("arguments")), str(one.get("id") or "")))
        else:
            notes.append(MALFORMED_CALL)
    return tuple(calls), tuple(notes)


def likeliest_of(choice: Mapping[str, Any]) -> tuple[tuple[tuple[str, float], ...], ...]:
    """The likeliest tokens at each place, () where the server says nothing of them that can be read."""
    found = choice.get("logprobs")
    if not isinstance(found, Mapping):
        return ()
    content = found.get("content")
    if isinstance(content, list):
        places: Sequence[object] = [
            place.get("top_logprobs") if isinstance(place, Mapping) else None for place in content
        ]
    else:  # the shape of text completions, which llama.cpp's Python server has for both
        places = found.get("top_logprobs") or ()
    return tuple(tuple(_ranked(place)) for place in places)


def _ranked(place: object) -> Iterator[tuple[str, float]]:
    if isinstance(place, Mapping):
        place = [{"token": token, "logprob": value} for token, value in place.items()]
    for one in place if isinstance(place, list) else ():
        if isinstance(one, Mapping) and isinstance(token := one.get("token"), str) and "logprob" in one:
            value = one["logprob"]
            yield token, float(value) if isinstance(value, int | float) else _MINUS_INFINITY


def _joined(said: object) -> str:
    """A text as servers give it: a text, or a list of texts or of parts."""
    if isinstance(said, list):
        return "".join(_joined(piece) for piece in said)
    if isinstance(said, Mapping):
        return next(
            (text for name in ("text", "thinking", "value", "content", "summary") if (text := _joined(said.get(name)))),
            "",
        )
    return said if isinstance(said, str) else ""
