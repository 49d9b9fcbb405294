"""The function calls that a reply makes, alone or amid prose; what cannot be read is told from no call."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from evalkit.scoring.extraction.call_marks import bare_marks, marked_calls
from evalkit.scoring.extraction.call_syntax import FunctionCall, call_of_json, calls_of, json_calls, python_calls
from evalkit.scoring.extraction.json import find_json
from evalkit.scoring.extraction.reading import Reading, unreadable

__all__ = ["FunctionCall", "call_of_json", "calls", "find_calls"]

_TAGS = re.compile(r"<(tool_call|toolcall|function_call)>(.*?)(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_MARKERS = re.compile(r"^\s*(?:\[TOOL_CALLS\]|<\|python_tag\|>|<\|tool_call\|>|functools(?=\[)|<functioncall>)\s*")
_FENCE = re.compile(r"```[\w-]*[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)
_NAME = r"[A-Za-z_][\w.]*"
_BULLETS = " \t\r\n-*•>`,;0123456789.)"
_PREFIX = r"(?:[-*•]+|\d+[.)]|>>>|(?:the\s+)?(?:function\s+|tool\s+)?calls?\s*:|answer\s*:)"
_BEGINS = re.compile(
    rf"(?:(?<=[\s:`\"'])|^)(\[\s*(?:['\"]?{_NAME}\(|\{{\s*['\"](?:name|function)['\"]))|"
    rf"^[ \t]*(?:{_PREFIX}[ \t]*)?[*`]*({_NAME}\()",
    re.MULTILINE | re.IGNORECASE,
)
_LIKE_A_CALL = re.compile(
    rf"<(?:tool_?call|function_?call|function=|invoke\b)|tool▁call|✿FUNCTION✿|^Action:\s*\w+\s*\nAction Input:|"
    rf"\[TOOL_CALLS\]|<\|(?:python_tag|tool_call)|['\"](?:name|"
    rf"function)['\"]\s*:\s*['\"]|"
    rf"\b{_NAME}\(\s*(?:{_NAME}\s*=|\{{)|^\s*[\[(]\s*['\"]?{_NAME}['\"]?\s*[\](]",
    re.IGNORECASE,
)
_ANOTHER = re.compile(rf"\b{_NAME}\(\s*(?:{_NAME}\s*=|\{{)")
_CODE_CALL = re.compile(rf"\b{_NAME}\(")
_LONGEST = 100_000
_MOST_PLACES = 50
_CLOSING = {"(": ")", "[": "]", "{": "}"}


def calls(text: str, *, cut: bool = False) -> Reading[tuple[FunctionCall, ...]]:
    """The calls that a reply makes, in the order written; an empty tuple where it says `[]`.

    Read are `f(a=1)`, `[f(a=1), g(b="x")]` and one call a line, returned, assigned, or each in quotes; `{"name": "f",
    "arguments": {…}}` (also "parameters", arguments as JSON text, wrapped in "function" or "tool_calls", in single
    quotes), `{"f": {…}}`, lists of these; any of it in `<tool_call>` tags, behind the marks that models put before it,
    in a ``` fence, indented, at the beginning of a line amid prose, and without the brackets that close it at the end.

    `cut` says that the reply ran to its limit: a bracket is then missing for another reason, and none is added.

    What looks like a call and cannot be read is UNREADABLE: never "no call". Nothing of the text is executed.
    """
    text = text[:_LONGEST]
    if (bare := bare_marks(text)) is not None:
        return Reading(bare)
    tagged = [match.group(2) for match in _TAGS.finditer(text)]
    if tagged:
        found = [_read(part, cut) for part in tagged]
        if None in found:
            return unreadable("a call between tags cannot be read")
        return Reading(tuple(call for made in found if made for call in made))
    made = _read(_MARKERS.sub("", text), cut)
    if made is not None:
        return Reading(made)
    if _LIKE_A_CALL.search(text) or any(_CODE_CALL.search(fence) for fence in _FENCE.findall(text)):
        return unreadable("something like a call cannot be read")
    return Reading(problem="no call in the reply")


def find_calls(text: str) -> tuple[FunctionCall, ...] | None:
    """The value of `calls`, or None where the reply holds none that can be read."""
    return calls(text).value


def _read(text: str, cut: bool) -> tuple[FunctionCall, ...] | None:
    fences = [fence for fence in reversed(_FENCE.findall(text)) if fence.strip()]
    closed = () if cut else (_closed(text), *map(_closed, fences))
    for candidate in (text, *fences, *closed):
        for reader in (python_calls, json_calls, _lines):
            found = reader(candidate) if candidate else None
            if found is not None:
                return found
    found = _in_prose(text) or marked_calls(text)
    if found is not None or _BEGINS.search(text):
        return found
    # After other words: the first JSON value may be the calls.
    return calls_of(find_json(text))


def _in_prose(text: str) -> tuple[FunctionCall, ...] | None:
    """The calls of the first stretch of a reply that begins as a call does, to where its brackets close, and of those
    that follow it line by line. None where it cannot be read, or another call goes on in its line: a part is no answer.
    """
    made: tuple[FunctionCall, ...] = ()
    ends = 0
    for begins in list(_BEGINS.finditer(text))[:_MOST_PLACES]:
        start = max(begins.start(1), begins.start(2))
        if start < ends or (made and text[ends:start].strip(_BULLETS)):
            continue
        end = _balanced(text[start:])
        if end is None:
            continue
        stretch = text[start : start + end]
        found = python_calls(stretch) or json_calls(stretch)
        ends = start + end
        rest = text[ends:].partition("\n")[0]
        if not found or _ANOTHER.search(rest):
            return None
        made += found
    return made or None


def _balanced(text: str) -> int | None:
    """Where the first bracket of a text is closed; None where it is not."""
    for index, left in _depths(text):
        if not left:
            return index + 1
    return None


def _closed(text: str) -> str:
    """A text with the brackets that are missing at its end; "" where more than three are, or more was to come."""
    left = next((opened for _, opened in reversed(list(_depths(text)))), "")
    if not 0 < len(left) <= 3 or text.rstrip().endswith((",", ":", "=", "(", "[", "{")):
        return ""
    return text.rstrip() + "".join(_CLOSING[bracket] for bracket in reversed(left))


def _depths(text: str) -> Iterator[tuple[int, str]]:
    """At each bracket outside of quotes: where it is, and which are open after it. Ends at one that is wrong."""
    opened, quote, skip = "", "", False
    for index, char in enumerate(text):
        if skip:
            skip = False
        elif quote:
            skip = char == "\\"
            quote = "" if char == quote else quote
        elif char in "'\"" and opened:
            quote = char
        elif char in _CLOSING:
            opened += char
            yield index, opened
        elif char in ")]}":
            if not opened or _CLOSING[opened[-1]] != char:
                return
            opened = opened[:-1]
            yield index, opened


def _lines(text: str) -> tuple[FunctionCall, ...] | None:
    """One call a line, in Python's syntax or as JSON; nothing else may be there."""
    lines = [line.strip().rstrip(",;") for line in textwrap.dedent(text).splitlines() if line.strip()]
    if len(lines) < 2:
        return None
    found = [python_calls(line) or json_calls(line) for line in lines]
    return None if None in found else tuple(call for made in found if made for call in made)
