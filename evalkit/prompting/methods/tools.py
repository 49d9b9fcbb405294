"""Python functions as tools: how they are described to a model, and how a call that it wrote is made."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import operator
from collections.abc import Callable, Mapping
from typing import Any

from evalkit.core import UsageError
from evalkit.core.spec import unknown

Function = Callable[..., object]

MOST_SHOWN = 2000
"""Characters of a result that a model is shown."""


def calculator(expression: str) -> str:
    """The value of an arithmetic expression of numbers, + - * / // % ** and parentheses."""
    if len(expression) > 1000:
        raise ValueError("the expression is too long")
    value = _value(ast.parse(expression.strip().replace("^", "**"), mode="eval").body)
    return f"{value:.15g}" if isinstance(value, float) else str(value)


BUILT_IN: Mapping[str, Function] = {"calculator": calculator}


def functions(tools: tuple[str | Function, ...]) -> dict[str, Function]:
    """Tools by name. Raises UsageError for an unknown name, for two of one name, and where there is none."""
    found: dict[str, Function] = {}
    for tool in tools:
        if isinstance(tool, str) and tool not in BUILT_IN:
            raise unknown("tool", tool, BUILT_IN)
        function = BUILT_IN[tool] if isinstance(tool, str) else tool
        if function.__name__ in found:
            raise UsageError(f"two tools are called {function.__name__!r}")
        found[function.__name__] = function
    if not found:
        raise UsageError("a tool loop needs a tool", fix="tools: [calculator], or functions in a Python task")
    return found


def described(function: Function) -> str:
    """`name(parameter: type) - what its docstring's first line says`."""
    parameters = []
    for name, parameter in inspect.signature(function).parameters.items():
        kind = parameter.annotation
        shown = "" if kind is parameter.empty else f": {kind if isinstance(kind, str) else kind.__name__}"
        parameters.append(name + shown)
    first = (inspect.getdoc(function) or "").partition("\n")[0]
    return f"{function.__name__}({', '.join(parameters)})" + (f" - {first}" if first else "")


async def called(function: Function, written: str) -> str:
    """What the call gives, as text; what it raises is text, too, since the model shall see it and go on.

    `written` is a JSON object of arguments, or, for a function of one parameter, its value as it is.
    """
    try:
        arguments = _arguments(function, written)
        if inspect.iscoroutinefunction(function):
            result = await function(**arguments)
        else:
            result = await asyncio.to_thread(lambda: function(**arguments))
    except Exception as error:  # noqa: BLE001 - a tool may raise anything on what a model wrote
        return f"Error: {type(error).__name__}: {error}"[:MOST_SHOWN]
    shown = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, default=str)
    return shown if len(shown) <= MOST_SHOWN else shown[:MOST_SHOWN] + " …"


def _arguments(function: Function, written: str) -> dict[str, Any]:
    names = list(inspect.signature(function).parameters)
    written = written.strip()
    try:
        value = json.loads(written)
    except ValueError:
        value = written
    if isinstance(value, dict):
        return value
    if len(names) != 1:
        raise ValueError(f"the input must be a JSON object with {', '.join(names)}")
    # A text parameter gets what was written ("007" stays as it is), unless that is a JSON string.
    takes_text = inspect.signature(function).parameters[names[0]].annotation in (str, "str")
    return {names[0]: written if takes_text and not isinstance(value, str) else value}


_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


def _value(node: ast.expr) -> int | float:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        number: int | float = node.value  # type: ignore[assignment]
        return number
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = _value(node.operand)
        return -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Pow) and (abs(right) > 1000 or abs(left) > 1e6):
            raise ValueError("the power is too large")
        value = _BINARY[type(node.op)](left, right)
        if isinstance(value, int) and value.bit_length() > 10_000:
            raise ValueError("the number is too large")
        if isinstance(value, int | float):
            return value
    raise ValueError("only numbers, + - * / // % ** and parentheses")
