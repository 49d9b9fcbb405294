"""OpenAI's responses (POST /responses), for models that have no other interface or think better there.

Format: https://developers.openai.com/api/reference/resources/responses. Nothing is stored at the provider.
"""

from __future__ import annotations

import json
from typing import Any

from evalkit.core import ANY_OBJECT, Generate, Message, Reply, ToolCall
from evalkit.models.api.failures import BadReplyError
from evalkit.models.api.finish_reasons import finish_of
from evalkit.models.api.http_call import HttpCall
from evalkit.models.api.token_counts import usage_of
from evalkit.models.api.wire_format import Completion, ModelWire, arguments_of, data_url, reply_of

__all__ = ["ResponsesWire"]


class ResponsesWire(ModelWire):
    """One text a request; the format has no stop strings and no seed, so texts are cut here."""

    many = False

    def call(self, request: Generate, *, folds: bool) -> HttpCall:
        options = self._options
        messages, was_folded = self._turns(request.prompt, folds)
        body: dict[str, Any] = {
            "model": self._model,
            "input": [
                {"role": "user" if message.role == "tool" else message.role, "content": _content(message)}
                for message in messages
            ],
            # Thinking counts towards the limit; the provider takes none below 16.
            "max_output_tokens": max(16, request.max_tokens + (options.thinking(request) or 0)),
            "store": False,
        }
        body["temperature"] = request.temperature
        if request.temperature > 0 and request.top_p < 1.0:
            body["top_p"] = request.top_p
        if options.effort:
            body["reasoning"] = {"effort": options.effort}
        if request.schema == ANY_OBJECT:
            body["text"] = {"format": {"type": "json_object"}}
        elif request.schema:
            form = {"type": "json_schema", "name": "reply", "schema": json.loads(request.schema), "strict": True}
            body["text"] = {"format": form}
        if request.tools:
            body["tools"] = [
                {"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.schema}
                for tool in request.tools
            ]
        return self._finished("/responses", body, request, was_folded=was_folded)

    def read(self, request: Generate, body: Any) -> Reply:
        status = body["status"]
        if status not in ("completed", "incomplete"):
            raise BadReplyError(f"its status is {status}")
        reason = (body.get("incomplete_details") or {}).get("reason")
        finish, notes = finish_of(reason if status == "incomplete" else status)
        texts, thoughts, calls = [], [], []
        for item in body["output"]:
            if item["type"] == "message":
                for part in item["content"]:
                    if part["type"] == "refusal":
                        finish = "refused"
                    texts.append(part.get("text") or part.get("refusal") or "")
            elif item["type"] == "reasoning":
                thoughts += [part.get("text") or "" for part in item.get("summary") or ()]
                thoughts += [part.get("text") or "" for part in item.get("content") or ()]
            elif item["type"] == "function_call":
                calls.append(ToolCall(item["name"], arguments_of(item.get("arguments")), item.get("call_id") or ""))
        text = Completion("".join(texts), finish, "".join(thoughts), tuple(calls), notes)
        return reply_of(request, [text], usage_of(body.get("usage")), self._markers, body)


def _content(message: Message) -> str | list[dict[str, Any]]:
    if not message.images:
        return message.content
    return [
        {"type": "input_text", "text": part}
        if isinstance(part, str)
        else {"type": "input_image", "image_url": data_url(part)}
        for part in message.parts
    ]
