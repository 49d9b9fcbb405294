"""Finding the function calls that a reply holds, in Python's syntax or in one of the JSON forms that models write."""

from __future__ import annotations

import ast
import json
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from evalkit.scoring.extraction.json import ABSENT, find_json

__all__ = ["FunctionCall", "call_of_json", "find_calls"]

_TAGS = re.compile(r"<(tool_call|toolcall)>(.*?)(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_MARKERS = re.compile(r"^\s*(?:\[TOOL_CALLS\]|<\|python_tag\|>|<\|tool_call\|>|functools(?=\[)|<functioncall>)\s*")
_FENCE = re.compile(r"```[\w-]*[ \t]*\n(.*?)```", re.DOTALL)
_ARGUMENTS = ("arguments", "parameters", "args")
_OPERATORS: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_LONGEST = 100_000


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function's name (dotted where it was written so) and its named arguments as Python values.

    `positional` counts arguments that were given without a name.
    """

    name: str
    arguments: Mapping[str, Any]
    positional: int = 0


def find_calls(text: str) -> tuple[FunctionCall, ...] | None:
    """The calls of a reply, in the order written; None where it holds none that can be read.

    Read are, whole or inside a ``` fence: `f(a=1)`, `[f(a=1), g(b="x")]` and one call a line; `{"name": "f",
    "arguments": {…}}` (also "parameters", arguments as JSON text, wrapped in "function" or "tool_calls"),
    `{"f": {…}}`, lists of these, and any of it in `<tool_call>` tags or behind the marks that models put before it.
    An empty list is no call: the empty tuple. Nothing of the text is executed.
    """
    text = text[:_LONGEST]
    tagged = [match.group(2) for match in _TAGS.finditer(text)]
    if tagged:
        found = [_read(part) for part in tagged]
        return None if None in found else tuple(call for calls in found if calls for call in calls)
    return _read(_MARKERS.sub("", text))


def _read(text: str) -> tuple[FunctionCall, ...] | None:
    for candidate in (text, *reversed(_FENCE.findall(text))):
        for reader in (_python, _json, _lines):
            calls = reader(candidate)
            if calls is not None:
                return calls
    # After other words: the first JSON value may be the calls.
    return _calls_of(find_json(text))


def _json(text: str) -> tuple[FunctionCall, ...] | None:
    try:
        return _calls_of(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _calls_of(value: object) -> tuple[FunctionCall, ...] | None:
    if value is ABSENT:
        return None
    if isinstance(value, Mapping) and isinstance(value.get("tool_calls"), list):
        value = value["tool_calls"]
    items = value if isinstance(value, list) else [value]
    calls = [call_of_json(item) for item in items]
    return None if None in calls else tuple(call for call in calls if call is not None)


def call_of_json(value: object) -> FunctionCall | None:
    """The call that a JSON value stands for, or None where it is none."""
    if not isinstance(value, Mapping) or not value:
        return None
    for wrapper in ("function", "function_call"):
        if isinstance(value.get(wrapper), Mapping):
            return call_of_json(value[wrapper])
    name = value.get("name", value.get("function"))
    if isinstance(name, str) and name:
        return _call(name, next((value[key] for key in _ARGUMENTS if key in value), None))
    if len(value) == 1:
        name, given = next(iter(value.items()))
        return _call(name, given) if isinstance(given, Mapping) else None
    return None


def _call(name: str, given: object) -> FunctionCall | None:
    given = {} if given is None else given
    if isinstance(given, str):
        try:
            given = json.loads(given) if given.strip() else {}
        except (ValueError, RecursionError):
            return None
    return FunctionCall(name, dict(given)) if isinstance(given, Mapping) else None


def _lines(text: str) -> tuple[FunctionCall, ...] | None:
    """One call a line, in Python's syntax or as JSON; nothing else may stand there."""
    lines = [line.strip().rstrip(",;") for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        return None
    found = [_python(line) or _json(line) for line in lines]
    return None if None in found else tuple(call for calls in found if calls for call in calls)


def _python(text: str) -> tuple[FunctionCall, ...] | None:
    text = text.strip().strip("`'\n ")
    if not text:
        return None
    for candidate in (text, f"[{text}]"):
        try:
            with warnings.catch_warnings():
                # "1if" and the like warn; that is the model's affair.
                warnings.simplefilter("ignore")
                body = ast.parse(candidate, mode="eval").body
            parts = body.elts if isinstance(body, ast.List | ast.Tuple) else [body]
            if all(isinstance(part, ast.Call) for part in parts):
                return tuple(_python_call(part) for part in parts if isinstance(part, ast.Call))
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError, ZeroDivisionError, TypeError):
            continue
    return None


def _python_call(call: ast.Call) -> FunctionCall:
    arguments: dict[str, Any] = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            raise ValueError("**arguments cannot be read")
        arguments[keyword.arg] = _value(keyword.value)
    return FunctionCall(_dotted(call.func), arguments, len(call.args))


def _dotted(function: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(function, ast.Attribute):
        parts.append(function.attr)
        function = function.value
    if not isinstance(function, ast.Name):
        raise ValueError("what is called has no name")
    return ".".join(reversed([*parts, function.id]))


def _value(node: ast.expr) -> Any:
    """The Python value of an argument. A variable, and any other expression, is its text, as the leaderboard has it."""
    if isinstance(node, ast.Constant):
        return "..." if node.value is Ellipsis else node.value
    if isinstance(node, ast.List):
        return [_value(part) for part in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(_value(part) for part in node.elts)
    if isinstance(node, ast.Dict):
        if None in node.keys:
            raise ValueError("** in a dict cannot be read")
        return {_value(key): _value(part) for key, part in zip(node.keys, node.values, strict=True) if key}
    if isinstance(node, ast.UnaryOp | ast.BinOp):
        return _number(node)
    if isinstance(node, ast.Call) and node.keywords:
        inner = _python_call(node)
        return {inner.name: dict(inner.arguments)}
    return node.id if isinstance(node, ast.Name) else ast.unparse(node)


def _number(node: ast.expr) -> Any:
    """A sum of numbers that were written out; any other arithmetic stays a text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand)
        return -inner if isinstance(inner, int | float) else ast.unparse(node)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        one, other = _number(node.left), _number(node.right)
        if isinstance(one, int | float) and isinstance(other, int | float):
            return _OPERATORS[type(node.op)](one, other)
    return ast.unparse(node)
