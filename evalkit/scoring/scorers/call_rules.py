"""When a function call is right: the rules of the Berkeley function-calling leaderboard's AST check, for Python.

Source: https://gorilla.cs.berkeley.edu/blogs/8_berkeley_function_calling_leaderboard.html and the checker of the
package bfcl-eval. Schema types are the leaderboard's (dict, float, tuple, any) or JSON Schema's (object, number).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from evalkit.scoring.extraction.calls import FunctionCall

__all__ = ["mistake_in", "mistake_in_all", "standard"]

_TYPES: Mapping[str, type] = {
    "string": str,
    "integer": int,
    "float": float,
    "number": float,
    "boolean": bool,
    "array": list,
    "tuple": list,
    "dict": dict,
    "object": dict,
    "any": str,
}
_NESTING = ("array", "tuple")
_DROPPED = re.compile(r"[ ,./\-_*^]")


def standard(text: str) -> str:
    """A text as it is compared: without blanks and the signs `,./-_*^`, in lower case, with double quotes."""
    return _DROPPED.sub("", text).lower().replace("'", '"')


def mistake_in_all(calls: Sequence[FunctionCall], functions: Sequence[Mapping[str, Any]], wanted: Sequence[Any]) -> str:
    """What is wrong with the calls, or "": as many as wanted, each wanted one met by another call, in any order.

    `wanted` is a list of {function: {parameter: [acceptable values]}}; "" among the values lets a parameter be left
    out. As on the leaderboard, a wanted call takes the first call that meets it.
    """
    if len(calls) != len(wanted):
        return f"{len(calls)} calls where {len(wanted)} are right"
    left = list(calls)
    for entry in wanted:
        name, values = next(iter(entry.items()))
        described = next((function for function in functions if function["name"] == name), None)
        if described is None:
            raise ValueError(f"the right answer calls {name!r}, which is not among the row's functions")
        mistakes = [mistake_in(call, described, values) for call in left]
        if "" not in mistakes:
            return mistakes[0] if len(mistakes) == 1 else f"no call meets {name}: {mistakes[0]}"
        del left[mistakes.index("")]
    return ""


def mistake_in(call: FunctionCall, function: Mapping[str, Any], wanted: Mapping[str, Sequence[Any]]) -> str:
    """What is wrong with one call of the described function, or ""."""
    if call.name != function["name"]:
        return f"{call.name} is called, not {function['name']}"
    if call.positional:
        return f"{call.name} has arguments without a name"
    parameters = function.get("parameters") or {}
    described = parameters.get("properties") or {}
    for name in parameters.get("required") or ():
        if name not in call.arguments:
            return f"{name} is missing"
    for name, value in call.arguments.items():
        if name not in described or name not in wanted:
            return f"{name} is not expected"
        mistake = _mistake_in_value(value, described[name], wanted[name])
        if mistake:
            return f"{name}: {mistake}"
    for name, values in wanted.items():
        if name not in call.arguments and "" not in values:
            return f"{name} is left out"
    return ""


def _mistake_in_value(value: Any, described: Mapping[str, Any], wanted: Sequence[Any]) -> str:
    said = _type_name(described)
    kind = _TYPES.get(said, str)
    inner = _TYPES.get(_type_name(described.get("items") or {})) if said in _NESTING else None
    if said == "tuple" and type(value) is tuple:
        value = list(value)
    if kind is float and type(value) is int:
        value = float(value)
    mistake, is_variable = _mistake_in_type(value, wanted, kind, inner)
    if mistake:
        return mistake
    if is_variable:
        right = value in wanted
    elif kind is dict:
        right = any(_same_dict(value, answer) for answer in wanted if answer != "")
    elif kind is list and inner is dict:
        right = any(_same_dicts(value, answer) for answer in wanted)
    elif kind is str:
        right = standard(value) in [standard(answer) for answer in wanted if isinstance(answer, str)]
    elif kind is list:
        said_items = _standard_items(value)
        right = any(said_items == _standard_items(answer) for answer in wanted if answer != "") or (
            value == [] and "" in wanted
        )
    else:
        right = value in wanted
    return "" if right else f"{value!r} is none of {list(wanted)!r}"


def _type_name(described: Mapping[str, Any]) -> str:
    """The schema's type; of JSON Schema's lists of types the first that is not null."""
    said = described.get("type", "any")
    if isinstance(said, list):
        said = next((name for name in said if name != "null"), "any")
    return str(said)


def _mistake_in_type(value: Any, wanted: Sequence[Any], kind: type, inner: type | None) -> tuple[str, bool]:
    """What is wrong with the type, or "", and whether the value is a variable: of another type than the schema's,
    as the acceptable values are."""
    answers = next((type(answer) for answer in wanted if answer != ""), None)
    if type(value) is kind:
        is_variable = answers is not None and answers is not kind
        if inner is None:
            return "", is_variable
        items: Any = value
        for answer in wanted:
            if type(answer) is not list or all(not _mistake_in_type(item, answer, inner, None)[0] for item in items):
                return "", is_variable
        return f"an item of {value!r} is no {inner.__name__}", False
    if answers is not None and type(value) is answers:
        return "", True
    return f"{value!r} is a {type(value).__name__}, not a {kind.__name__}", False


def _standard_items(items: Any) -> list[Any]:
    return [standard(item) if isinstance(item, str) else item for item in items]


def _same_dict(value: Any, wanted: Any) -> bool:
    """Whether an object has the wanted keys ("" among a key's values lets it be left out), each with such a value."""
    if not isinstance(value, Mapping) or not isinstance(wanted, Mapping):
        return False
    for key, item in value.items():
        if key not in wanted:
            return False
        said = standard(item) if isinstance(item, str) else item
        if said not in _standard_items(wanted[key]):
            return False
    return all(key in value or "" in values for key, values in wanted.items())


def _same_dicts(value: Sequence[Any], wanted: Any) -> bool:
    return len(value) == len(wanted) and all(map(_same_dict, value, wanted))
