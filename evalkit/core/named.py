"""Functions that are called by name with settings from outside, such as YAML: found in a package, checked, called.

A package offers what its `__init__` imports, one line each. So what can be imported from it, what a file can name and
what a list shows are one set. Names are read from the text of the `__init__`: a list imports nothing.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from evalkit.core.errors import UsageError
from evalkit.core.option_values import fits, wanted
from evalkit.core.spec import unknown

__all__ = ["call", "imported", "make", "offered", "settings_of", "source_of", "summaries"]

_ROOT = Path(__file__).resolve().parents[2]
_SENTENCE = re.compile(r".+?[.?!](?=\s+[A-Z`]|$)")
"""A text up to its first full stop that a new sentence follows."""

Made = TypeVar("Made")


@cache
def offered(package: str) -> Mapping[str, str]:
    """What a package of evalkit offers: name → "module:function", in the order of its import lines."""
    lines = [n for n in ast.parse(source_of(package).read_bytes()).body if isinstance(n, ast.ImportFrom)]
    return {alias.asname or alias.name: f"{node.module}:{alias.name}" for node in lines for alias in node.names}


def source_of(target: str) -> Path:
    """The file of a "module" or "module:function" of evalkit. `importlib.util.find_spec` would import its package."""
    path = _ROOT.joinpath(*target.partition(":")[0].split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def summaries(path: Path) -> dict[str, str]:
    """function → the first sentence of its docstring, for every function of a file; the file is not run."""
    functions = [node for node in ast.parse(path.read_bytes()).body if isinstance(node, ast.FunctionDef)]
    return {node.name: _first_sentence(ast.get_docstring(node) or "") for node in functions}


def _first_sentence(docstring: str) -> str:
    paragraph = " ".join(docstring.split("\n\n")[0].split())
    found = _SENTENCE.match(paragraph)
    return (found[0] if found else paragraph).removesuffix(".")


def make(
    kind: str,
    name: str,
    table: Mapping[str, Callable[..., Made] | str],
    settings: Mapping[str, object],
    base: Path | None = None,
) -> Made:
    """Call the function `table` has under `name` with settings from outside, after checking them.

    An entry of the table is a function or its place, as "module:function". `base`, the folder that relative
    paths are meant from, goes to a function that has a parameter of that name.

    Raises UsageError with a suggestion for a name or a setting that does not exist, and for one that is missing or
    of another type than the function's annotation says.
    """
    if name not in table:
        raise unknown(kind, name, table)
    return call(kind, name, _found(table[name]), settings, base)


def call(
    kind: str, name: str, function: Callable[..., Made], settings: Mapping[str, object], base: Path | None = None
) -> Made:
    """Call a function with settings from outside, as `make` does."""
    types = settings_of(function)
    placed = {"base": base} if types.pop("base", None) is not None else {}
    parameters = inspect.signature(function).parameters
    for key, parameter in parameters.items():
        if key not in types and key != "base" and parameter.default is inspect.Parameter.empty:
            raise UsageError(f"{kind} {name!r} needs a function as its {key!r}", fix="call it in Python")
    for key in settings:
        if key not in types:
            raise unknown(f"setting of {kind} {name!r}", key, types)
    for key in types:
        if parameters[key].default is inspect.Parameter.empty and key not in settings:
            raise UsageError(f"{kind} {name!r} needs a setting {key!r}", fix=f"{name}: {{{key}: …}}")
    values = {key: _checked(kind, name, key, value, types[key]) for key, value in settings.items()}
    return function(**values, **placed)


def settings_of(entry: Callable[..., Any] | str) -> dict[str, Any]:
    """The settings that a function takes from a file, with their types: its parameters that are no functions."""
    function = _found(entry)
    types = get_type_hints(function, include_extras=True)
    return {key: types[key] for key in inspect.signature(function).parameters if not _takes_function(types[key])}


def _takes_function(type_: Any) -> bool:
    return any(get_origin(part) is Callable for part in (type_, *get_args(type_)))


def _found(entry: Callable[..., Made] | str) -> Callable[..., Made]:
    if not isinstance(entry, str):
        return entry
    return imported(entry)


def imported(target: str) -> Callable[..., Any]:
    """The function at "module:function"."""
    module, _, name = target.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def _checked(kind: str, name: str, key: str, value: object, type_: Any) -> object:
    """The value as the function takes it: a YAML list becomes a tuple and a whole number may stand for a float."""
    if isinstance(value, list):
        value = tuple(value)
    if fits(value, type_):
        return value
    raise UsageError(f"setting {key!r} of {kind} {name!r} has the wrong type", found=repr(value), fix=wanted(type_))
