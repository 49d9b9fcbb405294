"""Replies that come piece by piece (server-sent events), for a server that stalls to be noticed at once.

Formats: the streaming pages of https://developers.openai.com/api/reference,
https://platform.claude.com/docs/en/build-with-claude/streaming and https://ai.google.dev/api/generate-content.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from evalkit.models.api.assembling import DONE, Assembler, Event, anthropic, completions, gemini, responses
from evalkit.models.api.http_call import HttpCall
from evalkit.models.api.json_texts import read_piece

__all__ = ["events", "says", "streamed"]

_ASSEMBLERS: Mapping[str, Assembler] = MappingProxyType(
    {
        "/chat/completions": completions,
        "/completions": completions,
        "/v1/messages": anthropic,
        "/responses": responses,
    }
)


def streamed(call: HttpCall) -> HttpCall:
    """The call with its reply as a stream; as it is where its format has none (embeddings)."""
    if call.path.endswith(":generateContent"):
        path = call.path.replace(":generateContent", ":streamGenerateContent") + "?alt=sse"
        return replace(call, path=path, assemble=gemini)
    assemble = _ASSEMBLERS.get(call.path)
    if assemble is None:
        return call
    more: dict[str, Any] = {"stream": True}
    if call.path.endswith("completions"):
        more["stream_options"] = {"include_usage": True}
    return replace(call, body={**call.body, **more}, assemble=assemble)


async def events(chunks: AsyncIterator[bytes]) -> AsyncIterator[Event]:
    """The events of a stream as they come; DONE for the mark that ends one. Raises ValueError for one that is not
    JSON. What is cut at the stream's end is left out."""
    lines, waiting = _Lines(), bytearray()
    async for chunk in chunks:
        waiting += chunk
        while (end := waiting.find(b"\n")) >= 0:
            line = bytes(waiting[:end]).strip()
            del waiting[: end + 1]
            if (event := lines.add(line)) is not None:
                yield event
    with suppress(ValueError):
        if (event := lines.add(bytes(waiting).strip())) is not None:
            yield event


class _Lines:
    """The lines of a stream, one after the other: an event is one line of data, or several up to an empty line."""

    def __init__(self) -> None:
        self._name = b""
        self._data: list[bytes] = []

    def add(self, line: bytes) -> Event | None:
        """The event that the line completes. Comments keep a connection alive; of the names of events only that of an
        error says more than the event."""
        if not line:
            data, self._data = self._data, []
            name, self._name = self._name, b""
            return _event(name, b"\n".join(data)) if data else None
        if line.startswith(b"event:"):
            self._name = line[6:].strip()
        elif line.startswith(b"data:"):
            self._data.append(line[5:].strip())
            with suppress(ValueError):
                event = _event(self._name, b"\n".join(self._data))
                self._data = []
                return event
        return None


def _event(name: bytes, data: bytes) -> Event:
    if data == b"[DONE]":
        return DONE
    try:
        event = read_piece(data)
    except ValueError:
        if name != b"error":
            raise
        event = data.decode("utf-8", "replace")
    if name == b"error" and not (isinstance(event, dict) and event.get("error")):
        return {"error": event}
    if not isinstance(event, dict):
        raise ValueError(f"an event is not an object: {str(event)[:100]}")
    return event


def says(event: Event) -> bool:
    """Whether an event has a piece of the reply: the first ones may only say that there will be one."""
    pieces = [choice.get("delta") or choice for choice in event.get("choices") or ()]
    if any(piece.get(name) for piece in pieces for name in ("content", "reasoning_content", "reasoning", "text")):
        return True
    if any(piece.get("tool_calls") for piece in pieces) or event.get("candidates"):
        return True
    return str(event.get("type")).endswith((".delta", "_block_delta"))
