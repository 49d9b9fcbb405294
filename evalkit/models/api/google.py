"""Google's Gemini (POST /v1beta/models/<model>:generateContent).

Format: https://ai.google.dev/api/generate-content. The key travels in a header, never in the address.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from evalkit.core import ANY_OBJECT, Generate, Image, Message, ModelError, Reply, ToolCall, Usage
from evalkit.models.api.failures import BadReplyError
from evalkit.models.api.finish_reasons import finish_of
from evalkit.models.api.http_call import HttpCall
from evalkit.models.api.options import ApiOptions
from evalkit.models.api.token_counts import integer
from evalkit.models.api.wire_format import Completion, ModelWire, base64_of, reply_of

__all__ = ["GoogleWire"]

_MOST_STOPS = 5


class GoogleWire(ModelWire):
    """One candidate a request: not every Gemini model takes several."""

    many = False
    stops_apart = True

    def __init__(self, model: str, options: ApiOptions) -> None:
        super().__init__(model.removeprefix("models/"), options)

    def headers(self, key: str) -> dict[str, str]:
        return {"x-goog-api-key": key}

    def call(self, request: Generate, *, folds: bool) -> HttpCall:
        messages, was_folded = self._turns(request.prompt, folds)
        body: dict[str, Any] = {
            "contents": [
                {"role": "model" if message.role == "assistant" else "user", "parts": _parts(message)}
                for message in messages
                if message.role != "system"
            ]
        }
        system = "\n\n".join(message.content for message in messages if message.role == "system")
        if system:
            body["systemInstruction"] = {"parts": [{"text": system}]}
        if request.tools:
            declared = [
                {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.schema}
                for tool in request.tools
            ]
            body["tools"] = [{"functionDeclarations": declared}]
        body["generationConfig"] = self._config(request)
        path = f"/v1beta/models/{self._model}:generateContent"
        return self._finished(path, body, request, was_folded=was_folded)

    def _placed(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        return {}  # they are in the generation config

    def _config(self, request: Generate) -> dict[str, Any]:
        options = self._options
        # Thinking counts towards the limit.
        config: dict[str, Any] = {"maxOutputTokens": request.max_tokens + (options.thinking(request) or 0)}
        config["temperature"] = request.temperature
        if request.temperature > 0:
            if request.top_p < 1.0:
                config["topP"] = request.top_p
            config |= options.drawn(request)
            config["seed"] = request.seed % (1 << 31)
        stops = [stop for stop in request.stop if stop][:_MOST_STOPS]
        if stops:
            config["stopSequences"] = stops
        if request.schema == ANY_OBJECT:
            config["responseMimeType"] = "application/json"
        elif request.schema:
            config |= {"responseMimeType": "application/json", "responseJsonSchema": json.loads(request.schema)}
        thinking: dict[str, Any] = {}
        if (budget := options.thinking(request)) is not None:
            thinking["thinkingBudget"] = budget
        if options.effort:
            thinking["thinkingLevel"] = options.effort
        if thinking:
            config["thinkingConfig"] = {**thinking, "includeThoughts": True}
        return config

    def read(self, request: Generate, body: Any) -> Reply:
        given = body.get("usageMetadata") or {}
        thought = integer(given, "thoughtsTokenCount")
        usage = Usage(
            integer(given, "promptTokenCount") + integer(given, "toolUsePromptTokenCount"),
            integer(given, "candidatesTokenCount") + thought,
            cached_tokens=integer(given, "cachedContentTokenCount"),
            reasoning_tokens=thought,
        )
        candidates = body.get("candidates") or []
        if not candidates:
            if (body.get("promptFeedback") or {}).get("blockReason"):
                return reply_of(request, [Completion("", "refused")], usage, self._markers, body)
            raise BadReplyError("it has no candidates")
        return reply_of(request, [_completion(candidate) for candidate in candidates], usage, self._markers, body)


def _parts(message: Message) -> list[dict[str, Any]]:
    if not message.images:
        return [{"text": message.content}]
    return [{"text": part} if isinstance(part, str) else {"inlineData": _blob(part)} for part in message.parts]


def _blob(image: Image) -> dict[str, str]:
    if image.is_address:
        raise ModelError(f"Gemini takes images by their content, and {image.source} is an address: give the file")
    return {"mimeType": image.media_type, "data": base64_of(image)}


def _completion(candidate: Mapping[str, Any]) -> Completion:
    reason = candidate.get("finishReason")
    if reason is None:
        raise BadReplyError("it was not finished (no finishReason)")
    parts = (candidate.get("content") or {}).get("parts") or []
    text = "".join(part.get("text") or "" for part in parts if not part.get("thought"))
    thought = "".join(part.get("text") or "" for part in parts if part.get("thought"))
    calls = tuple(
        ToolCall(part["functionCall"]["name"], json.dumps(part["functionCall"].get("args") or {}, ensure_ascii=False))
        for part in parts
        if "functionCall" in part
    )
    finish, notes = finish_of(reason)
    return Completion(text, finish, thought, calls, notes)
