"""JSON Schemas of evalkit's files, for editors, from the tables of keys that their readers go by.

A reader's table maps every key that a file may have to what its value looks like, so that a key without a schema, or
a schema without a key, cannot be. What follows from several keys together, the reader alone says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias, get_args, get_origin

from evalkit.core.option_values import Form, Range, Shown

__all__ = [
    "NAMED",
    "TEXT",
    "TEXTS",
    "TRUTH",
    "Keys",
    "Schema",
    "either",
    "every",
    "items",
    "mapping",
    "of_type",
    "one_of",
    "said",
    "schema",
    "whole",
]

Schema: TypeAlias = Mapping[str, Any]
Keys: TypeAlias = Mapping[str, Schema]

TEXT: Schema = {"type": ["string", "number", "boolean"]}
"""`yes` and numbers are taken as they were written."""
TRUTH: Schema = {"type": "boolean"}


def said(fragment: Schema, description: str) -> Schema:
    """The same with what an editor shows."""
    return {**fragment, "description": description}


def either(*fragments: Schema) -> Schema:
    return {"anyOf": list(fragments)}


def items(fragment: Schema) -> Schema:
    """A list, or its only item."""
    return either(fragment, {"type": "array", "items": fragment})


def one_of(words: Iterable[str]) -> Schema:
    return {"enum": list(words)}


def whole(least: int = 0) -> Schema:
    return {"type": "integer", "minimum": least}


def mapping(keys: Keys, required: Iterable[str] = ()) -> Schema:
    """A mapping with these keys and no others."""
    wanted = list(required)
    found = {"type": "object", "properties": dict(keys), "additionalProperties": False}
    return {**found, "required": wanted} if wanted else found


def every(fragment: Schema) -> Schema:
    """A mapping of any names to values of one kind."""
    return {"type": "object", "additionalProperties": fragment}


TEXTS: Schema = items(TEXT)
NAMED: Schema = either(TEXT, {"type": "object", "minProperties": 1, "maxProperties": 1})
"""`name`, or `name: {setting: value}`."""


def of_type(kind: Any) -> Schema:
    """Of a value whose annotated type is its check (`core.option_values`)."""
    origin, parts = get_origin(kind), get_args(kind)
    if hasattr(kind, "__metadata__"):
        found = dict(of_type(parts[0]))
        for rule in (rule for rule in kind.__metadata__ if isinstance(rule, Shown)):
            found = _form(rule) if isinstance(rule, Form) else found | _narrowed(rule)
            found["description"] = rule.shown
        return found
    if origin is Literal:
        return one_of(word for word in parts if word)
    if kind is bool:
        return TRUTH
    if kind in (int, float):
        return {"type": "integer" if kind is int else "number"}
    return TEXT  # a text, a path, or a name of something


def _narrowed(rule: Shown) -> dict[str, Any]:
    if isinstance(rule, Range):
        least = {"exclusiveMinimum" if rule.above else "minimum": rule.least} if rule.least != -float("inf") else {}
        return least | ({"maximum": rule.most} if rule.most != float("inf") else {})
    return {}


def _form(rule: Form) -> dict[str, Any]:
    """Texts of a form, and digits of that form, which YAML takes for numbers."""
    digits = [number for number in range(10) if re.fullmatch(rule.pattern, str(number))]
    text = {"type": "string", "pattern": f"^({rule.pattern})$"}
    return dict(either(text, {"enum": digits}) if digits else text)


def schema(title: str, body: Schema) -> dict[str, Any]:
    """The whole document for a kind of file."""
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": title, **body}
