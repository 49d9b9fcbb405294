"""Anthropic's messages (POST /v1/messages).

Format: https://platform.claude.com/docs/en/api/messages. Errors, also 529 "overloaded", and rate-limit headers:
https://platform.claude.com/docs/en/api/errors and …/rate-limits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from evalkit.core import Generate, Image, Message, Reply, ToolCall, Usage
from evalkit.models.api.failures import BadReplyError
from evalkit.models.api.finish_reasons import MALFORMED_CALL, finish_of
from evalkit.models.api.http_call import HttpCall
from evalkit.models.api.token_counts import integer
from evalkit.models.api.wire_format import Completion, ModelWire, arguments_of, base64_of, reply_of

__all__ = ["AnthropicWire"]

_VERSION = "2023-06-01"
_OWN = ("temperature", 1.0)
"""What a thinking model is drawn at."""


class AnthropicWire(ModelWire):
    """One text a request; a preamble that samples share is marked for the provider's prompt cache."""

    many = False
    stops_apart = True

    def headers(self, key: str) -> dict[str, str]:
        return {"x-api-key": key, "anthropic-version": _VERSION}

    def call(self, request: Generate, *, folds: bool) -> HttpCall:
        options = self._options
        messages, was_folded = self._turns(request.prompt, folds)
        system = "\n\n".join(message.content for message in messages if message.role == "system")
        body: dict[str, Any] = {
            "model": self._model,
            "max_tokens": request.max_tokens + (options.thinking(request) or 0),
        }
        if system:
            body["system"] = system
        if not request.prompt.messages and request.prompt.preamble and not was_folded:
            shared: dict[str, Any] = {
                "type": "text",
                "text": request.prompt.preamble,
                "cache_control": {"type": "ephemeral"},
            }
            parts: list[dict[str, Any]] = [shared, {"type": "text", "text": request.prompt.question}]
            body["messages"] = [{"role": "user", "content": [part for part in parts if part["text"]]}]
        else:
            body["messages"] = [
                {"role": "assistant" if message.role == "assistant" else "user", "content": _content(message)}
                for message in messages
                if message.role != "system"
            ]
        left_out = self._add_sampling(body, request)
        if request.tools:
            body["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": tool.schema}
                for tool in request.tools
            ]
        output: dict[str, Any] = {"effort": options.effort} if options.effort else {}
        if request.schema:
            output["format"] = {"type": "json_schema", "schema": json.loads(request.schema)}
        if output:
            body["output_config"] = output
        call = self._finished("/v1/messages", body, request, was_folded=was_folded)
        return replace(call, notes=tuple(f"{name}-not-taken".replace("_", "-") for name in left_out))

    def _placed(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        return {}  # they are in the body where it may have them

    def _add_sampling(self, body: dict[str, Any], request: Generate) -> tuple[str, ...]:
        """Put in what the format takes of how a text is drawn, and return the names of what it does not take."""
        thinks = self._options.thinking(request)
        if thinks:
            body["thinking"] = {"type": "enabled", "budget_tokens": thinks}
        elif self._options.effort:
            body["thinking"] = {"type": "adaptive"}
        # A thinking model is drawn from at its own settings (temperature 1); newer ones take none at all, and say so.
        asked: dict[str, Any] = {"temperature": request.temperature}
        if request.temperature > 0 and request.top_p < 1.0:
            asked["top_p"] = request.top_p
        asked |= self._options.drawn(request)
        if "thinking" not in body:
            body |= asked
        left_out = (
            () if "thinking" not in body else tuple(name for name, value in asked.items() if (name, value) != _OWN)
        )
        stops = [stop for stop in request.stop if stop.strip()]  # those of white space alone are refused
        if stops:
            body["stop_sequences"] = stops
        return left_out

    def read(self, request: Generate, body: Any) -> Reply:
        blocks = body["content"]
        if not isinstance(blocks, list) or body.get("type") not in (None, "message"):
            raise BadReplyError("it is not a message")
        text = "".join(block.get("text") or "" for block in blocks if block["type"] == "text")
        thought = "".join(block.get("thinking") or "" for block in blocks if block["type"] == "thinking")
        calls = tuple(
            ToolCall(block["name"], arguments_of(block.get("input")), block.get("id") or "")
            for block in blocks
            if block["type"] == "tool_use"
        )
        reason = body.get("stop_reason")
        if reason is None:
            raise BadReplyError("it was not finished (stop_reason is null)")
        given = body.get("usage") or {}
        cached = integer(given, "cache_read_input_tokens")
        usage = Usage(
            # Its input_tokens are those after the last cache marker alone.
            integer(given, "input_tokens") + cached + integer(given, "cache_creation_input_tokens"),
            integer(given, "output_tokens"),
            cached_tokens=cached,
            written_tokens=integer(given, "cache_creation_input_tokens"),
        )
        finish, notes = finish_of("eos" if reason == "end_turn" else reason)
        if any(block["type"] == "tool_use" and isinstance(block.get("input"), str) for block in blocks):
            notes = (*notes, MALFORMED_CALL)  # the pieces of a stream that make no JSON
        return reply_of(request, [Completion(text, finish, thought, calls, notes)], usage, self._markers, body)


def _content(message: Message) -> str | list[dict[str, Any]]:
    if not message.images:
        return message.content
    return [
        {"type": "text", "text": part} if isinstance(part, str) else {"type": "image", "source": _source(part)}
        for part in message.parts
    ]


def _source(image: Image) -> dict[str, str]:
    if image.is_address:
        return {"type": "url", "url": image.source}
    return {"type": "base64", "media_type": image.media_type, "data": base64_of(image)}
