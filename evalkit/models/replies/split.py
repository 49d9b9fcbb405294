"""A text split into what was thought and what was answered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from evalkit.core import ToolCall
from evalkit.models.replies.channels import Channel, channels_of
from evalkit.models.replies.markers import ANY, Markers, Tags, pairs_in

__all__ = ["Span", "Split", "split"]

Span = tuple[int, int]
_CALLS_AT_END = re.compile(
    r"(?:<tool_call>(?:(?!<tool_call>).)*</tool_call>\s*)+\Z"
    r"|<\|tool_calls_section_begin\|>(?:(?!<\|tool_calls_section_begin\|>).)*<\|tool_calls_section_end\|>\s*\Z",
    re.DOTALL,
)
"""Calls of Qwen, GLM and Nemotron, and of Kimi K2."""
_QUOTES = "`'\"“”‘’"


@dataclass(frozen=True, slots=True)
class Split:
    """The places of a text's answer and its thought, as (start, stop) pairs, and the calls that were made in channels.

    `finished` is False if a thought was begun and not ended: there is no answer yet.
    """

    answer: tuple[Span, ...]
    thought: tuple[Span, ...] = ()
    finished: bool = True
    calls: tuple[ToolCall, ...] = ()

    @property
    def has_thought(self) -> bool:
        return bool(self.thought) or not self.finished


def split(text: str, markers: Markers = ANY) -> Split:
    """Take thought out of a text, in time linear in its length.

    Tags: a block from an opening to its closing tag is thought, wherever it is; blocks may be nested and repeated. A
    closing tag that nothing opened ends a thought that began before the text, or a nested one: everything before it is
    thought, unless nothing follows it and an earlier block was closed. An opening tag that is never closed begins an
    unfinished thought, unless the text ends with a tool call. A tag in quotation marks is mentioned, not used.

    Channels: the answer is the content of `final`, or else what is said to the user in `commentary`.
    """
    if markers.channels and (messages := channels_of(text)):
        return _by_channel(text, messages)
    if markers.opened and not markers.tags:
        return Split((), _filled([(0, len(text))]), finished=False)
    if not markers.own and markers.tags and (more := _more_tags(text)):
        markers = replace(markers, tags=(*markers.tags, *more))
    if not markers.opened and not _has_mark(text, markers):
        return Split(_filled([(0, len(text))]))
    return _by_tags(text, markers)


def _by_channel(text: str, messages: Sequence[Channel]) -> Split:
    calls = tuple(one.call(text) for one in messages if one.to)
    final = tuple((one.start, one.stop) for one in messages if one.name == "final")
    told = tuple((one.start, one.stop) for one in messages if one.name == "commentary" and not one.to)
    answer = final or (told if messages[-1].name != "analysis" else ())
    # The text before the first header continues a thought that the prompt began.
    thought = [(0, len(text[: messages[0].at].rstrip()))]
    thought += [(one.start, one.stop) for one in messages if not one.to and (one.start, one.stop) not in answer]
    return Split(_filled(answer), _filled(thought), finished=bool(answer or calls), calls=calls)


def _by_tags(text: str, markers: Markers) -> Split:
    closings = _closings(markers.tags)
    matches = [match for match in _pattern(markers.tags).finditer(text) if not _is_mentioned(text, match)]
    ends_at = _trailing(text, matches, closings)
    kept: list[Span] = []
    thought: list[Span] = []
    inside = frozenset(closings.values()) if markers.opened else frozenset[str]()
    position = nested = 0
    had_block = False
    for match in matches:
        tag, here = match.group().lower(), (position, match.start())
        if inside:
            if tag in inside:
                thought.append(here)
                inside, had_block = frozenset(), True
            else:
                # A thought that opens another of its kind needs a second closing tag, or only talks of it.
                nested += closings.get(tag) in inside
                continue
        elif tag in closings:
            kept.append(here)
            inside, nested = frozenset((closings[tag],)), 0
        elif had_block and not nested and match.start() >= ends_at:
            kept.append(here)
        else:
            thought += [*kept, here]
            kept.clear()
            had_block, nested = True, max(0, nested - 1)
        position = match.end()
    if inside and (call := _CALLS_AT_END.search(text, position)):
        # A model that calls a tool has ended its thought, also where it did not say so.
        thought.append((position, call.start()))
        inside, position = frozenset(), call.start()
    (thought if inside else kept).append((position, len(text)))
    return Split(_filled(kept), _filled(sorted(thought)), finished=not inside)


def _filled(spans: Sequence[Span]) -> tuple[Span, ...]:
    return tuple((start, stop) for start, stop in spans if stop > start)


def _is_mentioned(text: str, match: re.Match[str]) -> bool:
    before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    return bool(before) and before in _QUOTES and bool(after) and after in _QUOTES


def _trailing(text: str, matches: Sequence[re.Match[str]], closings: dict[str, str]) -> int:
    """Where the closing tags begin that a text ends with, white space apart."""
    end = len(text)
    for match in reversed(matches):
        if match.group().lower() in closings or text[match.end() : end].strip():
            break
        end = match.start()
    return end


def _more_tags(text: str) -> tuple[Tags, ...]:
    """Marks that the text itself names, if it has any in brackets at all."""
    return pairs_in(text) if ">" in text or "]" in text else ()


def _has_mark(text: str, markers: Markers) -> bool:
    # Looking for the characters that marks begin with is ten times as fast.
    for first in markers.firsts:
        if first in text:
            return _pattern(markers.tags).search(text) is not None
    return False


@lru_cache(256)
def _pattern(tags: tuple[Tags, ...]) -> re.Pattern[str]:
    marks = {mark for pair in tags for mark in (pair.opening, pair.closing)}
    # The longest first: one mark may begin with another.
    return re.compile("|".join(re.escape(mark) for mark in sorted(marks, key=lambda mark: (-len(mark), mark))), re.I)


@lru_cache(256)
def _closings(tags: tuple[Tags, ...]) -> dict[str, str]:
    return {pair.opening.lower(): pair.closing.lower() for pair in tags}
