"""Function calls in the forms that models write: Python's syntax, and the JSON of several interfaces."""

from __future__ import annotations

import ast
import json
import operator
import textwrap
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from evalkit.scoring.extraction.json import ABSENT

__all__ = ["FunctionCall", "call_of_json", "calls_of", "json_calls", "python_calls"]

_ARGUMENTS = ("arguments", "parameters", "args")
_OTHER_KEYS = (
    *(("function_name", key) for key in _ARGUMENTS),
    *(("tool_name", key) for key in _ARGUMENTS),
    *(("tool", key) for key in (*_ARGUMENTS, "tool_input", "input")),
    ("action", "action_input"),
)
_OPERATORS: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function's name (dotted where it was written so) and its named arguments as Python values.

    `positional` counts arguments that were given without a name.
    """

    name: str
    arguments: Mapping[str, Any]
    positional: int = 0


def json_calls(text: str) -> tuple[FunctionCall, ...] | None:
    """The calls of a text that is JSON, or the same in Python's signs, and nothing else."""
    try:
        return calls_of(json.loads(text))
    except (ValueError, RecursionError):
        return _literal(text)


def _literal(text: str) -> tuple[FunctionCall, ...] | None:
    """JSON's forms written as Python would: single quotes, None, True. Nothing is executed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return calls_of(ast.literal_eval(text.strip()))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def calls_of(value: object) -> tuple[FunctionCall, ...] | None:
    """The calls that a JSON value stands for, or None where it is none."""
    if value is ABSENT:
        return None
    if isinstance(value, Mapping) and isinstance(value.get("tool_calls"), list):
        value = value["tool_calls"]
    items = value if isinstance(value, list) else [value]
    texts = [item for item in items if isinstance(item, str)]
    if texts and len(texts) == len(items):
        # A list of calls, each as a text.
        read = [python_calls(text) for text in texts]
        return None if None in read else tuple(call for calls in read if calls for call in calls)
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
        if "description" in value and not {"arguments", "args"} & value.keys():
            # The description of a function, repeated from the prompt.
            return None
        return _call(name, next((value[key] for key in _ARGUMENTS if key in value), None))
    for name_key, given_key in _OTHER_KEYS:
        if isinstance(value.get(name_key), str) and given_key in value:
            return _call(value[name_key], value[given_key])
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


def python_calls(text: str) -> tuple[FunctionCall, ...] | None:
    """The calls of a text in Python's syntax and nothing else: calls, lists of them, returned, awaited or assigned."""
    text = textwrap.dedent(text).strip().strip("`'\"\n ")
    if not text:
        return None
    for candidate in (text, f"[{text}]"):
        try:
            with warnings.catch_warnings():
                # "1if" and the like warn; that is the model's affair.
                warnings.simplefilter("ignore")
                statements = ast.parse(candidate).body
            parts = [part for statement in statements for part in _called(statement)]
            return tuple(map(_python_call, parts))
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError, ZeroDivisionError, TypeError):
            continue
    return None


def _called(statement: ast.stmt) -> list[ast.Call]:
    """The calls that a statement makes; ValueError where it does anything else."""
    if not isinstance(statement, ast.Expr | ast.Return | ast.Assign) or statement.value is None:
        raise ValueError("a statement that is not a call")
    value = statement.value
    value = value.value if isinstance(value, ast.Await) else value
    parts = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
    calls = [_printed(part) for part in parts if isinstance(part, ast.Call)]
    if parts == [value] and calls and _prints_a_name(calls[0]):
        return []
    if len(calls) != len(parts):
        raise ValueError("an expression that is not a call")
    return calls


def _prints_a_name(call: ast.Call) -> bool:
    """Whether a program prints the result of a call that comes before, which is no call of a function on offer."""
    named = isinstance(call.func, ast.Name) and call.func.id == "print" and not call.keywords
    return named and bool(call.args) and all(isinstance(given, ast.Name) for given in call.args)


def _printed(call: ast.Call) -> ast.Call:
    """The call whose result a program prints."""
    inner = call.args[0] if len(call.args) == 1 and not call.keywords else None
    printed = isinstance(call.func, ast.Name) and call.func.id == "print" and isinstance(inner, ast.Call)
    return inner if printed and isinstance(inner, ast.Call) else call


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
