"""Values of options, checked against annotated types: does a value fit, what does a text mean, what is a user told.

One set of rules for everything that is set from outside: options of models and plugins (texts), settings of scorers,
metrics and methods (YAML), options of runs (command line, suite files and Python).

A type is str, int, float, bool, None, a class, `Literal`, `tuple[X, ...]`, a dict, or a union of these. `Annotated`
with a `Range` or a `Form` narrows it.
"""

from __future__ import annotations

import math
import re
import types
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Annotated, Any, Literal, Union, get_args, get_origin

__all__ = ["Form", "Range", "Shown", "choices", "convert", "describe", "fits", "wanted"]

_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a user is told a value must be, where the type does not say it well: "a folder"."""

    shown: str
    example: str = ""

    def allows(self, value: object) -> bool:
        """Whether a value of the type is admitted."""
        return True


@dataclass(frozen=True, slots=True)
class Range(Shown):
    """Finite numbers from `least` to `most`; `above`: more than `least`."""

    least: float = -math.inf
    most: float = math.inf
    above: bool = False

    def allows(self, value: object) -> bool:
        """Whether a number is in the range; a value that is not a number is for the type to refuse."""
        if not isinstance(value, Real):
            return True
        number = float(value)
        enough = self.least < number if self.above else self.least <= number
        return enough and number <= self.most and math.isfinite(number)


@dataclass(frozen=True, slots=True)
class Form(Shown):
    """Texts that match `pattern` from end to end."""

    pattern: str = ""
    near: tuple[str, ...] = ()
    """Words to propose where a text resembles one."""

    def allows(self, value: object) -> bool:
        """Whether a text has the form."""
        return not isinstance(value, str) or re.fullmatch(self.pattern, value) is not None


def fits(value: object, kind: Any) -> bool:
    """Whether a value is of an annotated type. true and false are no numbers; a whole number may stand for a float."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return True
    if origin is Annotated:
        return fits(value, parts[0]) and all(rule.allows(value) for rule in _rules(kind))
    if origin is tuple:
        return isinstance(value, tuple) and all(fits(item, parts[0]) for item in value)
    if origin is Literal:
        return value in parts
    if origin is dict:
        return isinstance(value, dict)
    if origin is not None:
        return any(fits(value, part) for part in parts)
    if isinstance(value, bool):
        return kind in (bool, object)
    # numpy's numbers are numbers, too.
    return isinstance(value, {int: Integral, float: Real}.get(kind, kind))


def convert(text: str, kind: Any) -> Any:
    """A text as a value of an annotated type; None is written "none".

    Raises ValueError for a text that is no such value, and TypeError for a type that no text can be.
    """
    if kind is str or kind is Any:
        return text
    if kind is type(None):
        return _picked(text.lower(), {"none": None, "null": None})
    if kind is bool:
        return _picked(text.lower(), _WORDS)
    if kind in (int, float):
        return _number(text, kind)
    if get_origin(kind) is Literal:
        return _picked(text, {str(choice): choice for choice in get_args(kind)})
    if get_origin(kind) is Annotated:
        value = convert(text, get_args(kind)[0])
        if not all(rule.allows(value) for rule in _rules(kind)):
            raise ValueError(text)
        return value
    if _is_union(kind):
        return _first_that_fits(text, get_args(kind))
    raise TypeError(kind)


def describe(kind: Any) -> str:
    """A type as a person reads it: `letter|text`, `int or none`, "a number of tokens, 1 or more"."""
    for rule in _rules(kind):
        return rule.shown
    origin, parts = get_origin(kind), get_args(kind)
    if kind is type(None):
        return "none"
    if kind is bool:
        return "true|false"
    if origin is Literal:
        return "|".join(str(choice) for choice in parts if choice != "")
    if origin is tuple:
        return f"a list of {describe(parts[0])}"
    if origin is dict or kind is dict:
        return "a mapping"
    if _is_union(kind):
        return " or ".join(describe(part) for part in parts)
    return getattr(kind, "__name__", str(kind))


def wanted(kind: Any) -> str:
    """What a message says a value must be: "one of letter, text", "a number of tokens, 1 or more"."""
    # "or none" would only lengthen it: nobody who mistyped a number meant to give none.
    parts = [part for part in get_args(kind) if part is not type(None)] if _is_union(kind) else [kind]
    said = " or ".join(map(describe, parts))
    listed = any(part is bool or get_origin(part) is Literal for part in parts)
    return "one of " + said.replace("|", ", ") if listed else said


def choices(kind: Any) -> tuple[str, ...]:
    """The words that a type names or proposes, an example first; none where it names none."""
    if kind is bool:
        return ("true", "false")
    words = [word for rule in _rules(kind) for word in (rule.near if isinstance(rule, Form) else (rule.example,))]
    if get_origin(kind) is Literal:
        words += [str(choice) for choice in get_args(kind)]
    elif get_origin(kind) is not None:
        words += [word for part in get_args(kind) for word in choices(part)]
    return tuple(word for word in words if word)


def _rules(kind: Any) -> Iterable[Shown]:
    if get_origin(kind) is Annotated:
        yield from (rule for rule in kind.__metadata__ if isinstance(rule, Shown))


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)


def _picked(text: str, values: dict[str, Any]) -> Any:
    if text not in values:
        raise ValueError(text)
    return values[text]


def _number(text: str, kind: type[int] | type[float]) -> int | float:
    # int() and float() would take 1_000, other scripts' digits, nan and inf, which nobody means as an option.
    if not (_WHOLE if kind is int else _NUMBER).fullmatch(text):
        raise ValueError(text)
    number = kind(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _first_that_fits(text: str, kinds: tuple[Any, ...]) -> Any:
    # str takes anything, so the types that can refuse a text are asked first.
    for kind in sorted(kinds, key=lambda kind: kind is str):
        try:
            return convert(text, kind)
        except ValueError:
            continue
    raise ValueError(text)
