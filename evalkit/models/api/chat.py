"""Chat completions: OpenAI's format, which most servers speak (POST /chat/completions).

Format: https://developers.openai.com/api/reference/resources/chat; the reasoning fields are vLLM's, DeepSeek's and
OpenRouter's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from evalkit.core import Generate, Image, Message, Reply, Tool, ToolCall, Usage
from evalkit.models.api.failures import BadReplyError
from evalkit.models.api.finish_reasons import finish_of
from evalkit.models.api.http_call import HttpCall
from evalkit.models.api.options import ApiOptions
from evalkit.models.api.wire_format import (
    Completion,
    ModelWire,
    arguments_of,
    data_url,
    estimate,
    integer,
    reply_of,
)
from evalkit.models.conversations import folded, with_system

__all__ = ["ChatWire", "ending_of", "usage_of"]

_MOST_STOPS = 4
_SEEDS = 1 << 31


class ChatWire(ModelWire):
    """`model` and what stands in every request come from the options."""

    many = True

    def __init__(self, model: str, options: ApiOptions, *, limit_name: str = "max_tokens") -> None:
        super().__init__(model, options)
        self._limit_name = limit_name

    def call(self, request: Generate, dropped: frozenset[str]) -> HttpCall:
        options = self._options
        said = with_system(request.prompt, options.system)
        messages = [_message(message) for message in (folded(said) if "system" in dropped else said)]
        body: dict[str, Any] = {"model": self._model, "messages": messages}
        body |= sampling(request, dropped, options, self._limit_name)
        if request.schema:
            form = {"name": "reply", "schema": json.loads(request.schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        if request.tools:
            body["tools"] = [as_function(tool) for tool in request.tools]
        if options.effort and "reasoning_effort" not in dropped:
            body["reasoning_effort"] = options.effort
        if request.top_logprobs and not dropped & {"logprobs", "top_logprobs"}:
            body |= {"logprobs": True, "top_logprobs": request.top_logprobs}
        body |= options.extra_body
        return HttpCall("/chat/completions", body, estimate(request))

    def read(self, request: Generate, body: Any) -> Reply:
        choices = sorted(body["choices"], key=lambda choice: choice.get("index") or 0)
        if not choices:
            raise BadReplyError("it has no choices")
        texts = [_completion(choice) for choice in choices]
        reply = reply_of(request, texts, usage_of(body.get("usage")), self._markers)
        return replace(reply, top_logprobs=_top(choices[0])) if request.top_logprobs else reply


def sampling(request: Generate, dropped: frozenset[str], options: ApiOptions, limit_name: str) -> dict[str, Any]:
    """The sampling parameters of both of OpenAI's older formats."""
    body: dict[str, Any] = {}
    # Newer models take the limit under the second name only; it then covers their reasoning, too.
    name = "max_completion_tokens" if "max_tokens" in dropped and limit_name == "max_tokens" else limit_name
    body[name] = request.max_tokens + (options.thinking_tokens or 0)
    if "temperature" not in dropped:
        body["temperature"] = request.temperature
    if request.temperature > 0:
        if request.top_p < 1.0 and "top_p" not in dropped:
            body["top_p"] = request.top_p
        if "seed" not in dropped:
            body["seed"] = request.seed % _SEEDS
    stops = [stop for stop in request.stop if stop][:_MOST_STOPS]
    if stops and "stop" not in dropped:
        body["stop"] = stops
    if request.n > 1 and "n" not in dropped:
        body["n"] = request.n
    return body


def ending_of(choice: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Why a text ended, and notes of it. vLLM alone tells its end-of-text token (null) from a stop string. Raises
    BadReplyError where it was broken off."""
    said = choice.get("finish_reason")
    if said == "stop" and "stop_reason" in choice and choice["stop_reason"] is None:
        said = "eos"
    return finish_of(said, choice.get("error"))


def usage_of(usage: Mapping[str, Any] | None) -> Usage:
    given = usage or {}
    return Usage(
        integer(given, "prompt_tokens"),
        integer(given, "completion_tokens"),
        cached_tokens=integer(given.get("prompt_tokens_details"), "cached_tokens"),
        reasoning_tokens=integer(given.get("completion_tokens_details"), "reasoning_tokens"),
    )


def as_function(tool: Tool) -> dict[str, Any]:
    described = {"name": tool.name, "description": tool.description, "parameters": tool.schema}
    return {"type": "function", "function": described}


def _top(choice: Mapping[str, Any]) -> tuple[tuple[tuple[str, float], ...], ...]:
    """The likeliest tokens at each place, () where the server says nothing of them."""
    places = (choice.get("logprobs") or {}).get("content") or ()
    return tuple(tuple((one["token"], float(one["logprob"])) for one in place["top_logprobs"]) for place in places)


def _message(message: Message) -> dict[str, Any]:
    # A tool's result would have to name the call it answers, which a conversation of texts does not know.
    role = "user" if message.role == "tool" else message.role
    if not message.images:
        return {"role": role, "content": message.content}
    return {"role": role, "content": [_part(part) for part in message.parts]}


def _part(part: str | Image) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    return {"type": "image_url", "image_url": {"url": data_url(part)}}


def _completion(choice: Mapping[str, Any]) -> Completion:
    message = choice["message"]
    text, parts = _texts(message.get("content"))
    refusal = message.get("refusal")
    calls = tuple(
        ToolCall(call["function"]["name"], arguments_of(call["function"].get("arguments")), call.get("id") or "")
        for call in message.get("tool_calls") or ()
    )
    thought = _joined(message.get("reasoning_content") or message.get("reasoning")) or parts
    finish, notes = ending_of(choice)
    if refusal and not text:
        finish, notes = "refused", ()
    return Completion(text or refusal or "", finish, thought, calls, notes)


def _texts(content: object) -> tuple[str, str]:
    """(text, thought) of a message's content: a text, nothing, or a list of parts."""
    if content is None or isinstance(content, str):
        return content or "", ""
    if not isinstance(content, list):
        raise BadReplyError("a message's content is no text")
    parts = [{"type": "text", "text": part} if isinstance(part, str) else part for part in content]
    text = "".join(part.get("text") or "" for part in parts if part.get("type") in ("text", "output_text"))
    thought = "".join(
        _joined(part.get("thinking") or part.get("text"))
        for part in parts
        if part.get("type") in ("thinking", "reasoning")
    )
    return text, thought


def _joined(said: object) -> str:
    """A thought as servers give it: a text, or a list of texts or of parts."""
    if isinstance(said, list):
        return "".join(_joined(piece.get("text") if isinstance(piece, Mapping) else piece) for piece in said)
    return said if isinstance(said, str) else ""
