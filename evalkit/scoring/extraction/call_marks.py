"""Calls in the formats of single models: a name and its arguments between marks that their templates ask for."""

from __future__ import annotations

import json
import re
from typing import Any

from evalkit.scoring.extraction.call_syntax import FunctionCall, call_of_json

_MARKED = (
    # Llama 3.1's custom tools, ReAct, and DeepSeek's marks: a name, and its arguments as JSON.
    re.compile(r"<function=([\w.\-]+)>\s*(\{.*?\})\s*</function>", re.DOTALL),
    re.compile(r"^Action:[ \t]*([\w.\-]+)[ \t]*\n+Action Input:[ \t]*(\{.*?\})[ \t]*$", re.DOTALL | re.MULTILINE),
    re.compile(r"tool▁sep｜>([\w.\-]+)\s*```json\s*(\{.*?\})\s*```", re.DOTALL),
)
_BARE = re.compile(r"\[TOOL_CALLS\]\s*(?P<name>[\w.\-]+)\s*(?:\[CALL_ID\]\s*\w+\s*)?(?:\[ARGS\]\s*)?(?=\{)")
"""Mistral's mark since its tokenizer of 2025: `[TOOL_CALLS]name[ARGS]{…}`, one mark a call."""
# Qwen3-Coder and GLM 4.5 write a tag an argument.
_BY_TAGS = (
    (
        re.compile(
            r"<function=(?P<name>[\w.\-]+)>"
            r"(?P<given>(?:\s*<parameter=[\w.\-]+>(?:(?!</parameter>).)*+</parameter>)*+)\s*</function>",
            re.DOTALL,
        ),
        re.compile(r"<parameter=([\w.\-]+)>(.*?)</parameter>", re.DOTALL),
    ),
    (
        re.compile(
            r"\A\s*(?P<name>[\w.\-]+)"
            r"(?P<given>(?:\s*<arg_key>[^<>]+</arg_key>\s*<arg_value>(?:(?!</arg_value>).)*+</arg_value>)++)\s*\Z",
            re.DOTALL,
        ),
        re.compile(r"<arg_key>([^<>]+)</arg_key>\s*<arg_value>(.*?)</arg_value>", re.DOTALL),
    ),
)


def marked_calls(text: str) -> tuple[FunctionCall, ...] | None:
    """Calls between the marks of a model's own format, or None where there is none or one cannot be read.

    An argument in a tag is what its text is as JSON, else the text: a tag does not say of which type it is.
    """
    for pattern in _MARKED:
        found = [call_of_json({"name": name, "arguments": given}) for name, given in pattern.findall(text)]
        if found:
            return None if None in found else tuple(call for call in found if call)
    if "</function>" not in text and "</arg_value>" not in text:
        return None
    for marks, arguments in _BY_TAGS:
        made = tuple(
            FunctionCall(
                call["name"], {name.strip(): _typed(value) for name, value in arguments.findall(call["given"])}
            )
            for call in marks.finditer(text)
        )
        if made:
            return made
    return None


def bare_marks(text: str) -> tuple[FunctionCall, ...] | None:
    """The calls of a text that ends in names and objects behind marks of their own, else None."""
    begins = _BARE.search(text)
    text = text[begins.start() :].rstrip() if begins else ""
    made: list[FunctionCall] = []
    position = 0
    while mark := _BARE.match(text, position):
        try:
            given, position = json.JSONDecoder().raw_decode(text, mark.end())
        except (ValueError, RecursionError):
            return None
        made.append(FunctionCall(mark["name"], given))
        position = len(text) - len(text[position:].lstrip())
    return tuple(made) if made and position == len(text) else None


def _typed(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        # A program's indentation is part of it.
        return value.strip("\n") if "\n" in value.strip() else value.strip()
