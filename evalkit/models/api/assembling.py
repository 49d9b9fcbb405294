"""The pieces of a stream put together into the body that would have come whole, so that one reader reads both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from evalkit.models.api.error_bodies import error_of
from evalkit.models.api.failures import BadReplyError

__all__ = ["DONE", "Assembler", "Event", "anthropic", "completions", "gemini", "responses"]

Event = dict[str, Any]
Assembler = Callable[[Sequence[Event]], Mapping[str, Any]]
DONE: Event = {"done": True}
"""Stands for the mark `[DONE]`, by which a server says that nothing more comes."""
_ENDED_EARLY = "the stream ended before the reply did"
_ALL = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
_NAMES = frozenset({"role", "id", "type", "name", "object", "index"})
"""Fields that say what a piece is: they are repeated, never continued."""


def _failure(found: Sequence[Event]) -> Mapping[str, Any] | None:
    return next((failure for event in found if (failure := _told(event)) is not None), None)


def _told(event: Event) -> Mapping[str, Any] | None:
    """The body that an event which tells of an error would have been alone."""
    if error_of(event) is None:
        return None
    return event if event.get("error") else {"error": event}


def completions(found: Sequence[Event]) -> Mapping[str, Any]:
    """Chat and text completions: the pieces of every choice, joined. What is said of an error once every choice was
    finished costs no text."""
    body: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for event in found:
        if (failure := _told(event)) is not None:
            if event.get("choices") or not choices or _unfinished(choices):
                return failure
            continue
        for name in ("model", "system_fingerprint", "usage"):
            if event.get(name):
                body[name] = event[name]
        for piece in event.get("choices") or ():
            number = piece.get("index") or 0
            _add_choice(choices.setdefault(number, {"index": number}), piece)
    # A server that gives no reason but says that nothing more comes has given all there is.
    if not choices or (_unfinished(choices) and DONE not in found):
        raise BadReplyError(_ENDED_EARLY)
    return {**body, "choices": list(choices.values())}


def _unfinished(choices: Mapping[int, Mapping[str, Any]]) -> bool:
    return any(not choice.get("finish_reason") and not choice.get("error") for choice in choices.values())


def _add_choice(choice: dict[str, Any], piece: Mapping[str, Any]) -> None:
    for name, value in piece.items():
        if name == "text":
            choice["text"] = choice.get("text", "") + (value or "")
        elif name == "delta":
            _add(choice.setdefault("message", {"role": "assistant", "content": ""}), value or {})
        elif name == "message" and value and not any((choice.get("message") or {}).get(key) for key in value):
            choice["message"] = dict(value)
        elif name == "logprobs":
            if value:
                _add(choice.setdefault("logprobs", {}), value)
        elif name not in ("index", "message") and (value is not None or name not in choice):
            choice[name] = value


def _add(whole: dict[str, Any], piece: Mapping[str, Any]) -> None:
    """Add a piece to what there is: texts and lists go on, objects are added to field by field."""
    for name, value in piece.items():
        known = whole.get(name)
        if name == "tool_calls":
            for number, call in enumerate(value or ()):
                _add_call(whole.setdefault("tool_calls", []), call, number if len(value) > 1 else -1)
        elif name == "content" and (isinstance(value, list) or isinstance(known, list)):
            whole[name] = _parts(known) + _parts(value)
        elif value is None or (name in _NAMES and known):
            whole.setdefault(name, value)
        elif isinstance(value, str) and isinstance(known, str):
            whole[name] = known + value
        elif isinstance(value, list) and isinstance(known, list):
            whole[name] = [*known, *value]
        elif isinstance(value, Mapping) and isinstance(known, Mapping):
            whole[name] = dict(known)
            _add(whole[name], value)
        else:
            whole[name] = value


def _parts(content: object) -> list[Any]:
    """A message's content as a list of parts."""
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if content else []


def _add_call(calls: list[dict[str, Any]], piece: Mapping[str, Any], number: int) -> None:
    call = _call_of(calls, piece, number)
    if call is None:
        call = {"index": piece.get("index"), "id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        calls.append(call)
    call["id"] = call["id"] or piece.get("id") or ""
    said, function = piece.get("function") or {}, call["function"]
    if said.get("name") != function["name"]:
        function["name"] += said.get("name") or ""
    arguments = said.get("arguments")
    if isinstance(arguments, str) and isinstance(function["arguments"], str):
        function["arguments"] += arguments
    elif arguments is not None and arguments != "":
        function["arguments"] = arguments


def _call_of(calls: list[dict[str, Any]], piece: Mapping[str, Any], number: int) -> dict[str, Any] | None:
    """The call that a piece continues; None for a new one.

    Some servers number no call, or every call 0: another id with a name is another call, and so is a name with neither.
    `number` is the piece's place among those of its event, -1 if it is alone.
    """
    index, identity, name = piece.get("index"), piece.get("id"), (piece.get("function") or {}).get("name")
    if index is not None:
        numbered = [call for call in calls if call["index"] == index]
    elif identity:
        numbered = [call for call in calls if call["id"] == identity]
    else:
        numbered = [] if name else calls[number:][:1]
    if not numbered:
        return None
    last = numbered[-1]
    is_another = bool(name) and bool(identity) and bool(last["id"]) and identity != last["id"]
    return None if is_another else last


def anthropic(found: Sequence[Event]) -> Mapping[str, Any]:
    """The blocks of a message, each from its beginning and its pieces."""
    if (failure := _failure(found)) is not None:
        return failure
    message: dict[str, Any] = {}
    usage: dict[str, Any] = {}
    blocks: dict[int, dict[str, Any]] = {}
    for event in found:
        kind = event.get("type")
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
    if message.get("stop_reason") is None or not any(event.get("type") == "message_stop" for event in found):
        raise BadReplyError(_ENDED_EARLY)
    for block in blocks.values():
        if written := block.pop("json"):
            try:
                block["input"] = orjson.loads(written)
            except ValueError:
                block["input"] = written
    return {**message, "usage": usage, "content": [blocks[number] for number in sorted(blocks)]}


def _add_to_block(block: dict[str, Any], delta: Mapping[str, Any]) -> None:
    for name, place in (("text", "text"), ("thinking", "thinking"), ("partial_json", "json")):
        if name in delta:
            block[place] = block.get(place, "") + (delta[name] or "")


def responses(found: Sequence[Event]) -> Mapping[str, Any]:
    """The last event holds the whole response."""
    if (failure := _failure(found)) is not None:
        return failure
    last = next((event for event in reversed(found) if event.get("type") in _ALL), None)
    if last is None:
        raise BadReplyError(_ENDED_EARLY)
    whole: Mapping[str, Any] = last["response"]
    return whole


def gemini(found: Sequence[Event]) -> Mapping[str, Any]:
    """Every event is a whole reply; the parts of its candidates continue those before."""
    if (failure := _failure(found)) is not None:
        return failure
    whole: dict[str, Any] = {}
    candidates: dict[int, dict[str, Any]] = {}
    for event in found:
        whole |= {name: value for name, value in event.items() if name not in ("candidates", "done")}
        for piece in event.get("candidates") or ():
            candidate = candidates.setdefault(piece.get("index") or 0, {"content": {"parts": []}})
            candidate["content"]["parts"] += (piece.get("content") or {}).get("parts") or ()
            candidate |= {name: value for name, value in piece.items() if name != "content" and value is not None}
    if candidates:
        whole["candidates"] = [candidates[number] for number in sorted(candidates)]
    return whole
