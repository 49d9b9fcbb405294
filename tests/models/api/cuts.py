"""Whole replies cut into the events of a stream at random places, as the providers' formats have them."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

__all__ = ["cut_text", "streamed_chat", "streamed_gemini", "streamed_message", "streamed_text"]

Event = dict[str, Any]


def cut_text(text: str, rng: random.Random) -> list[str]:
    """The text in one to six pieces, some of them empty."""
    places = sorted(rng.randint(0, len(text)) for _ in range(rng.randint(0, 5)))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


def streamed_chat(body: Event, rng: random.Random, *, numbered: bool = True) -> list[Event]:
    """A chat completion; `numbered`: pieces of tool calls have their call's index, which some servers leave out."""
    rest = {name: value for name, value in body.items() if name not in ("choices", "usage")}
    per_choice: list[list[Event]] = []
    for choice in body["choices"]:
        index = choice.get("index", 0)
        pieces = [{"role": "assistant", "content": ""}, *_deltas(choice["message"], rng, numbered)]
        events = [{"index": index, "delta": delta, "finish_reason": None} for delta in pieces]
        for place in (choice.get("logprobs") or {}).get("content") or ():
            events.append({"index": index, "delta": {}, "finish_reason": None, "logprobs": {"content": [place]}})
        last = {name: value for name, value in choice.items() if name not in ("index", "message", "logprobs")}
        per_choice.append([*events, {"index": index, "delta": {}, **last}])
    found = [{**rest, "choices": [piece]} for piece in _interleaved(per_choice, rng)]
    if "usage" not in body:
        return found
    if rng.random() < 0.5:
        found[-1]["usage"] = body["usage"]
        return found
    return [*found, {**rest, "choices": [], "usage": body["usage"]}]


def _deltas(message: Event, rng: random.Random, numbered: bool) -> list[Event]:
    found: list[Event] = []
    for name in ("reasoning_content", "reasoning", "content", "refusal"):
        value = message.get(name)
        if isinstance(value, str):
            found += [{name: piece} for piece in cut_text(value, rng)]
        elif isinstance(value, list):
            for part in value:
                kind = part["type"]
                inside = part["thinking"][0]["text"] if kind == "thinking" else part["text"]
                for piece in cut_text(inside, rng):
                    again = [{"type": "text", "text": piece}] if kind == "thinking" else piece
                    found.append({name: [{"type": kind, kind: again}]})
    for place, call in enumerate(message.get("tool_calls") or ()):
        number = {"index": place} if numbered else {}
        arguments = call["function"]["arguments"]
        pieces = cut_text(arguments, rng) if isinstance(arguments, str) else [arguments]
        first = {**call, "function": {**call["function"], "arguments": pieces[0]}}
        found.append({"tool_calls": [{**number, **first}]})
        found += [{"tool_calls": [{**number, "function": {"arguments": piece}}]} for piece in pieces[1:]]
    return found


def streamed_text(body: Event, rng: random.Random) -> list[Event]:
    """A text completion."""
    per_choice = []
    for choice in body["choices"]:
        last = {name: value for name, value in choice.items() if name != "text"}
        pieces: list[Event] = [
            {"index": choice.get("index", 0), "text": piece, "finish_reason": None}
            for piece in cut_text(choice["text"], rng)
        ]
        per_choice.append([*pieces, {**last, "text": ""}])
    found = [{"model": body.get("model"), "choices": [piece]} for piece in _interleaved(per_choice, rng)]
    return [*found, {"choices": [], "usage": body.get("usage")}]


def _interleaved(parts: list[list[Event]], rng: random.Random) -> list[Event]:
    """The events of several choices, each in its order."""
    waiting, found = [list(reversed(part)) for part in parts], []
    while waiting := [part for part in waiting if part]:
        found.append(rng.choice(waiting).pop())
    return found


def streamed_message(body: Event, rng: random.Random) -> list[Event]:
    """One of Anthropic's messages."""
    begun = {**body, "content": [], "stop_reason": None, "usage": {**(body.get("usage") or {}), "output_tokens": 0}}
    found: list[Event] = [{"type": "message_start", "message": begun}]
    for index, block in enumerate(body["content"]):
        kind = block["type"]
        empty: Event = {"text": {"text": ""}, "thinking": {"thinking": ""}, "tool_use": {"input": {}}}[kind]  # type: ignore[assignment]
        found.append({"type": "content_block_start", "index": index, "content_block": {**block, **empty}})
        if kind == "tool_use":
            deltas = [
                {"type": "input_json_delta", "partial_json": piece}
                for piece in cut_text(json.dumps(block["input"]), rng)
            ]
        else:
            deltas = [{"type": f"{kind}_delta", kind: piece} for piece in cut_text(block[kind], rng)]
        found += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        found += [{"type": "content_block_stop", "index": index}, {"type": "ping"}]
    ended = {"type": "message_delta", "delta": {"stop_reason": body["stop_reason"]}, "usage": body.get("usage")}
    return [*found, ended, {"type": "message_stop"}]


def streamed_gemini(body: Event, rng: random.Random) -> list[Event]:
    """One of Gemini's replies: every event is a reply, whose parts go on."""
    rest = {name: value for name, value in body.items() if name != "candidates"}
    per_candidate = []
    for number, candidate in enumerate(body["candidates"]):
        last = {name: value for name, value in candidate.items() if name != "content"}
        pieces: list[Event] = []
        for part in copy.deepcopy(candidate.get("content") or {}).get("parts") or ():
            texts = cut_text(part["text"], rng) if "text" in part else [None]
            pieces += [part if text is None else {**part, "text": text} for text in texts]
        events: list[Event] = [{"index": number, "content": {"parts": [piece], "role": "model"}} for piece in pieces]
        per_candidate.append([*events, {**last, "index": number}])
    return [{**rest, "candidates": [piece]} for piece in _interleaved(per_candidate, rng)]
