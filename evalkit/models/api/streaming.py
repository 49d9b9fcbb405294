"""Replies that come piece by piece (server-sent events), put together into the reply that would have come whole.

A stream says at once when a server has stalled, and when its first token came. Formats: the streaming pages of
https://developers.openai.com/api/reference, https://platform.claude.com/docs/en/build-with-claude/streaming and
https://ai.google.dev/api/generate-content.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from evalkit.models.api.failures import BadReplyError
from evalkit.models.api.http_call import HttpCall

__all__ = ["Assembler", "events", "says", "streamed"]

Event = dict[str, Any]
Assembler = Callable[[Sequence[Event]], Mapping[str, Any]]


def streamed(call: HttpCall, dropped: frozenset[str]) -> HttpCall:
    """The call with its reply as a stream; as it is where its format has none (embeddings)."""
    if call.path.endswith(":generateContent"):
        path = call.path.replace(":generateContent", ":streamGenerateContent") + "?alt=sse"
        return replace(call, path=path, assemble=_gemini)
    assemble = _ASSEMBLERS.get(call.path)
    if assemble is None:
        return call
    more: dict[str, Any] = {"stream": True}
    if call.path.endswith("completions") and "stream_options" not in dropped:
        more["stream_options"] = {"include_usage": True}
    return replace(call, body={**call.body, **more}, assemble=assemble)


async def events(chunks: AsyncIterator[bytes]) -> AsyncIterator[Event]:
    """The events of a stream as they come. Raises ValueError for one that is not JSON."""
    waiting = bytearray()
    async for chunk in chunks:
        waiting += chunk
        while (end := waiting.find(b"\n")) >= 0:
            line = bytes(waiting[:end]).strip()
            del waiting[: end + 1]
            # Comments keep a connection alive, names of events stand in the events as well.
            if line.startswith(b"data:") and (data := line[5:].strip()) != b"[DONE]":
                yield orjson.loads(data)


def says(event: Event) -> bool:
    """Whether an event has a piece of the reply: the first ones may only say that there will be one."""
    pieces = [choice.get("delta") or choice for choice in event.get("choices") or ()]
    if any(piece.get(name) for piece in pieces for name in ("content", "reasoning_content", "reasoning", "text")):
        return True
    if any(piece.get("tool_calls") for piece in pieces) or event.get("candidates"):
        return True
    return str(event.get("type")).endswith((".delta", "_block_delta"))


def _failure(found: Sequence[Event]) -> Mapping[str, Any] | None:
    return next(({"error": event["error"]} for event in found if event.get("error")), None)


def _completions(found: Sequence[Event]) -> Mapping[str, Any]:
    """Chat and text completions: the pieces of every choice, joined."""
    if (failure := _failure(found)) is not None:
        return failure
    body: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for event in found:
        for name in ("model", "system_fingerprint", "usage"):
            if event.get(name):
                body[name] = event[name]
        for piece in event.get("choices") or ():
            number = piece.get("index") or 0
            _add(choices.setdefault(number, {"index": number}), piece)
    if not choices or any(choice.get("finish_reason") is None for choice in choices.values()):
        raise BadReplyError("the stream ended before the reply did")
    return {**body, "choices": list(choices.values())}


def _add(choice: dict[str, Any], piece: Mapping[str, Any]) -> None:
    for name in ("finish_reason", "stop_reason"):
        if name in piece and (piece[name] is not None or name not in choice):
            choice[name] = piece[name]
    if "text" in piece:
        choice["text"] = choice.get("text", "") + (piece["text"] or "")
        return
    message = choice.setdefault("message", {"role": "assistant", "content": ""})
    delta = piece.get("delta") or {}
    for name in ("content", "reasoning_content", "reasoning", "refusal"):
        if isinstance(delta.get(name), str):
            message[name] = (message.get(name) or "") + delta[name]
    for number, call in enumerate(delta.get("tool_calls") or ()):
        _add_call(message.setdefault("tool_calls", []), call, number)


def _add_call(calls: list[dict[str, Any]], piece: Mapping[str, Any], number: int) -> None:
    place = piece.get("index", number)
    while len(calls) <= place:
        calls.append({"id": "", "function": {"name": "", "arguments": ""}})
    calls[place]["id"] = calls[place]["id"] or piece.get("id") or ""
    said = piece.get("function") or {}
    for name in ("name", "arguments"):
        calls[place]["function"][name] += said.get(name) or ""


def _anthropic(found: Sequence[Event]) -> Mapping[str, Any]:
    if (failure := _failure(found)) is not None:
        return failure
    message: dict[str, Any] = {}
    usage: dict[str, Any] = {}
    blocks: dict[int, dict[str, Any]] = {}
    for event in found:
        kind = event["type"]
        if kind == "message_start":
            message = dict(event["message"])
            usage = dict(message.get("usage") or {})
        elif kind == "content_block_start":
            blocks[event["index"]] = {**event["content_block"], "json": ""}
        elif kind == "content_block_delta":
            _add_to_block(blocks[event["index"]], event["delta"])
        elif kind == "message_delta":
            message |= event["delta"]
            usage |= {name: value for name, value in (event.get("usage") or {}).items() if value is not None}
    if message.get("stop_reason") is None or found[-1]["type"] != "message_stop":
        raise BadReplyError("the stream ended before the reply did")
    for block in blocks.values():
        if written := block.pop("json"):
            block["input"] = orjson.loads(written)
    return {**message, "usage": usage, "content": [blocks[number] for number in sorted(blocks)]}


def _add_to_block(block: dict[str, Any], delta: Mapping[str, Any]) -> None:
    for name, place in (("text", "text"), ("thinking", "thinking"), ("partial_json", "json")):
        if name in delta:
            block[place] = block.get(place, "") + delta[name]


def _responses(found: Sequence[Event]) -> Mapping[str, Any]:
    """The last event holds the whole response."""
    if (failure := _failure(found)) is not None:
        return failure
    last = next((event for event in reversed(found) if event.get("type") in _ENDS), None)
    if last is None:
        raise BadReplyError("the stream ended before the reply did")
    whole: Mapping[str, Any] = last["response"]
    return whole


_ENDS = ("response.completed", "response.incomplete", "response.failed")


def _gemini(found: Sequence[Event]) -> Mapping[str, Any]:
    """Every event is a reply of its own whose parts go on."""
    if (failure := _failure(found)) is not None:
        return failure
    whole: dict[str, Any] = {}
    parts: list[Any] = []
    for event in found:
        whole |= {name: value for name, value in event.items() if name != "candidates"}
        for candidate in event.get("candidates") or ():
            parts += (candidate.get("content") or {}).get("parts") or ()
            whole["candidates"] = [{**candidate, "content": {"parts": parts}}]
    return whole


_ASSEMBLERS: Mapping[str, Assembler] = {
    "/chat/completions": _completions,
    "/completions": _completions,
    "/v1/messages": _anthropic,
    "/responses": _responses,
}
