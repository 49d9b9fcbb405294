"""Texts in channels, as gpt-oss writes them: thought in `analysis`, the answer in `final`, calls in `commentary`.

Format: https://cookbook.openai.com/articles/openai-harmony. A backend that leaves special tokens out turns
`<|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…` into `analysis…assistantfinal…`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from evalkit.core import ToolCall

__all__ = ["Channel", "channels_of"]

_HEADER = re.compile(
    r"(?:<\|start\|>(?P<role>[^<]*))?<\|channel\|>(?P<name>[^<]*)(?:<\|constrain\|>(?P<form>[^<]*))?<\|message\|>"
)
_END = re.compile(r"<\|(?:end|return|call)\|>|(?=<\|start\|>|<\|channel\|>)")
_BROKEN_HEADER = re.compile(r"<\|(?:start|channel)\|>(?:(?!<\|message\|>).)*$", re.DOTALL)
_BARE = re.compile(r"(?:^\s*|assistant)(?P<name>analysis|commentary|final)")
_BARE_CALL = re.compile(r"\s*to=(?P<to>[\w.\-]+)\s*(?:<\|constrain\|>)?(?:json|code)?\s*(?=[{\[\"])")
_BARE_BEGINS = re.compile(r"\s*(?:analysis|commentary)")
_BARE_THOUGHT = re.compile(r"\s*analysis(?=[A-Z][\w']*\s+[a-z])")
_TO = re.compile(r"\bto=([\w.\-]+)")


@dataclass(frozen=True, slots=True)
class Channel:
    """One message: its channel, the places of its header and its content in the text, and the function that it calls
    ("" for none)."""

    name: str
    at: int
    start: int
    stop: int
    to: str = ""

    def call(self, text: str) -> ToolCall:
        return ToolCall(self.to.removeprefix("functions."), text[self.start : self.stop].strip())


def channels_of(text: str) -> list[Channel]:
    """The messages of a text in their order; none where it is not in channels. Where the last one is a header that was
    cut, it is a message without content."""
    if "<|channel|>" in text or "<|message|>" in text:
        return _marked(text)
    if not _BARE_BEGINS.match(text):
        return []
    later = any(match.start() for match in _BARE.finditer(text))
    return _bare(text) if later or _BARE_THOUGHT.match(text) else []


def _marked(text: str) -> list[Channel]:
    found: list[Channel] = []
    broken = _BROKEN_HEADER.search(text)
    length = broken.start() if broken else len(text)
    for match in _HEADER.finditer(text):
        end = _END.search(text, match.end())
        to = _TO.search(f"{match['role'] or ''} {match['name']}")
        name = (match["name"].split() or ["final"])[0]
        stop = min(length, end.start()) if end else length
        found.append(Channel(name, match.start(), match.end(), stop, to[1] if to else ""))
    if broken:
        # Its channel is unknown; it has no content in any case.
        found.append(Channel("analysis", length, len(text), len(text)))
    return found


def _bare(text: str) -> list[Channel]:
    found: list[Channel] = []
    marks = list(_BARE.finditer(text))
    for number, match in enumerate(marks):
        name, start, to = match["name"], match.end(), ""
        if name == "final":
            # What is written after the answer has begun is the answer, whatever words it uses.
            return [*found, Channel(name, match.start(), start, len(text))]
        stop = marks[number + 1].start() if number + 1 < len(marks) else len(text)
        if name == "commentary" and (call := _BARE_CALL.match(text, start, stop)):
            start, to = call.end(), call["to"]
        found.append(Channel(name, match.start(), start, stop, to))
    return found
