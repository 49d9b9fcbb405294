"""Chat completions: OpenAI's format, which most servers speak (POST /chat/completions).

Format: https://developers.openai.com/api/reference/resources/chat; the reasoning fields are vLLM's, DeepSeek's and
OpenRouter's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from evalkit.core import ANY_OBJECT, Generate, Image, Message, Reply, Tool
from evalkit.models.api.chat_messages import calls_of, likeliest_of, message_of, texts_of, thought_of
from evalkit.models.api.failures import BadReplyError
from evalkit.models.api.finish_reasons import finish_of
from evalkit.models.api.http_call import HttpCall
from evalkit.models.api.options import ApiOptions
from evalkit.models.api.token_counts import usage_of
from evalkit.models.api.wire_format import Completion, ModelWire, data_url, reply_of

__all__ = ["ChatWire", "as_function", "ending_of", "sampling"]

_MOST_STOPS = 4
_SEEDS = 1 << 31


class ChatWire(ModelWire):
    """`model` and what is in every request come from the options."""

    many = True

    def __init__(self, model: str, options: ApiOptions, *, limit_name: str = "max_tokens") -> None:
        super().__init__(model, options)
        self._limit_name = limit_name

    def call(self, request: Generate, *, folds: bool) -> HttpCall:
        options = self._options
        messages, was_folded = self._turns(request.prompt, folds)
        body: dict[str, Any] = {"model": self._model, "messages": [_message(message) for message in messages]}
        body |= sampling(request, options, self._limit_name)
        if request.prompt.begun and options.prefill == "continue":
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        if request.schema == ANY_OBJECT:
            body["response_format"] = {"type": "json_object"}
        elif request.schema:
            form = {"name": "reply", "schema": json.loads(request.schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        if request.tools:
            body["tools"] = [as_function(tool) for tool in request.tools]
        if options.effort:
            body["reasoning_effort"] = options.effort
        elif options.budget and (budget := options.thinking(request)) is not None:
            # OpenRouter takes an effort or a budget, not both.
            first, _, rest = options.budget.partition(".")
            body[first] = {rest: budget} if rest else budget
        if request.top_logprobs:
            body |= {"logprobs": True, "top_logprobs": request.top_logprobs}
        return self._finished("/chat/completions", body, request, was_folded=was_folded)

    def read(self, request: Generate, body: Any) -> Reply:
        choices = sorted(body["choices"], key=lambda choice: choice.get("index") or 0)
        if not choices:
            raise BadReplyError("it has no choices")
        texts = [_completion(choice) for choice in choices]
        reply = reply_of(request, texts, usage_of(body.get("usage")), self._markers, body)
        return replace(reply, top_logprobs=likeliest_of(choices[0])) if request.top_logprobs else reply


def sampling(request: Generate, options: ApiOptions, limit_name: str) -> dict[str, Any]:
    """The sampling parameters of both of OpenAI's older formats."""
    body: dict[str, Any] = {limit_name: request.max_tokens + (options.thinking(request) or 0)}
    body["temperature"] = request.temperature
    if request.temperature > 0:
        if request.top_p < 1.0:
            body["top_p"] = request.top_p
        body["seed"] = request.seed % _SEEDS
    if stops := [stop for stop in request.stop if stop][:_MOST_STOPS]:
        body["stop"] = stops
    if request.n > 1:
        body["n"] = request.n
    return body


def ending_of(choice: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Why a text ended, and notes of it. vLLM alone tells its end-of-text token (null) from a stop string. Raises
    BadReplyError where it was broken off."""
    said = choice.get("finish_reason")
    if said == "stop" and "stop_reason" in choice and choice["stop_reason"] is None:
        said = "eos"
    return finish_of(said, choice.get("error"))


def as_function(tool: Tool) -> dict[str, Any]:
    described = {"name": tool.name, "description": tool.description, "parameters": tool.schema}
    return {"type": "function", "function": described}


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
    message = message_of(choice)
    text, parts = texts_of(message.get("content"))
    refusal = message.get("refusal")
    calls, malformed = calls_of(message)
    finish, notes = ending_of(choice)
    if refusal and not text:
        finish, notes = "refused", ()
    notes = (*notes, *malformed)
    return Completion(text or str(refusal or ""), finish, thought_of(message) or parts, calls, notes)
