"""What a plugin file says of itself, read from its text: nothing of the file is executed."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalkit.core import UsageError
from evalkit.plugins.kinds import KINDS, Kind
from evalkit.plugins.toys import TOY, Toys, toys_of

# A name is typed as `name,key=value` and becomes part of a file name.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")


@dataclass(frozen=True, slots=True)
class Meta:
    """A plugin's own words. `problem` is "" or says, with file and line, why the plugin cannot be used.

    `toys` are the toy sets of a task: further names of it, each with the options that it stands for.
    """

    name: str
    summary: str = ""
    tags: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    problem: str = ""
    toys: Toys = field(default_factory=dict)


def read(path: Path, kind: Kind) -> Meta | None:
    """The META of a plugin file, or None where the file is not a plugin of that kind.

    `path` is a .py file, a folder with an `__init__.py`, or a .yaml file. A Python file counts as a plugin when it
    assigns META or defines the function named after the kind, so a project's folder may hold other modules; in folders
    whose names other software uses, too (models/, commands/), META alone makes it one.
    """
    stem = path.stem if path.is_file() else path.name
    source = source_file(path)
    try:
        if source.suffix == ".py":
            return _read_python(source, kind, stem)
        return _read_yaml(source, stem)
    except UsageError as error:
        return Meta(stem, problem=str(error))
    except OSError as error:
        return Meta(stem, problem=f"{source}: cannot be read ({error.strerror or error})")


def source_file(path: Path) -> Path:
    """The file that holds the META: the plugin itself, or the `__init__.py` of a folder."""
    return path / "__init__.py" if path.is_dir() else path


def _read_python(path: Path, kind: Kind, stem: str) -> Meta | None:
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError as error:
        return Meta(stem, problem=f"{path}:{error.lineno or 1}: not readable as Python ({error.msg})")
    except (ValueError, RecursionError, MemoryError) as error:
        return Meta(stem, problem=f"{path}:1: not readable as Python ({error})")
    found = _assignment(tree, "META")
    defines = any(isinstance(node, ast.FunctionDef) and node.name == kind for node in tree.body)
    if found is None:
        if not defines or KINDS[kind].is_common:
            return None
        return Meta(stem, problem=f"{path}:1: no META = {{...}} with the {kind}'s name")
    line, expression = found
    try:
        value = ast.literal_eval(expression)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        line = _first_not_literal(expression, line)
        return Meta(stem, problem=f"{path}:{line}: META is not a literal; write its values out")
    if not isinstance(value, dict):
        return Meta(stem, problem=f"{path}:{line}: META is a {type(value).__name__}, not a dict")
    # A command is an object of click's, which may be made without a function of that name.
    defines = defines or (kind == "command" and _assignment(tree, kind) is not None)
    problem = "" if defines else f"{path}:{line}: META without a function {kind}(...)"
    return checked(value, stem, f"{path}:{line}", problem=problem)


def _assignment(tree: ast.Module, name: str) -> tuple[int, ast.expr] | None:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        value = getattr(node, "value", None)
        if value is not None and any(isinstance(t, ast.Name) and t.id == name for t in targets):
            return node.lineno, value
    return None


def _first_not_literal(expression: ast.expr, line: int) -> int:
    """The line of the first part of META that had to be executed to be known."""
    literal = ast.Dict | ast.List | ast.Tuple | ast.Set | ast.Constant | ast.UnaryOp | ast.BinOp
    lines = [n.lineno for n in ast.walk(expression) if isinstance(n, ast.expr) and not isinstance(n, literal)]
    return min(lines, default=line)


def _read_yaml(path: Path, stem: str) -> Meta:
    from evalkit.plugins.yaml_tree import read_yaml

    document = read_yaml(path).mapping()
    known = {key: document[key] for key in ("name", "summary", "tags", "variants") if key in document}
    values: dict[str, object] = {}
    for key, node in known.items():
        values[key] = node.texts() if key in ("tags", "variants") else node.text()
    values.setdefault("name", stem)
    line = known["name"].line if "name" in known else 1
    return checked(values, stem, f"{path}:{line}")


def checked(values: Mapping[Any, object], stem: str, at: str, *, problem: str = "") -> Meta:
    """A Meta of the right types, with the first thing that is wrong as its `problem`."""
    name, summary = values.get("name"), values.get("summary", "")
    if not isinstance(name, str) or not name:
        return Meta(stem, problem=f"{at}: META has no name")
    if not _NAME.fullmatch(name):
        return Meta(stem, problem=f"{at}: the name {name!r} may hold letters, digits, '_', '-' and '.' only")
    if not isinstance(summary, str):
        return Meta(name, problem=f"{at}: summary is a {type(summary).__name__}, not a text")
    tags, variants = _texts(values.get("tags", ())), _texts(values.get("variants", ()))
    if tags is None or variants is None:
        which = "tags" if tags is None else "variants"
        return Meta(name, summary, problem=f"{at}: {which} must be a list of texts")
    toys = toys_of(values.get("toys", {}))
    if toys is None:
        wanted = f'{{"{TOY}{name}": {{"data": "toy"}}}}'
        return Meta(name, summary, problem=f"{at}: toys must be names that begin with {TOY}, with options: {wanted}")
    return Meta(name, " ".join(summary.split()), tags, variants, problem, toys)


def _texts(value: object) -> tuple[str, ...] | None:
    """A list of texts, or the lists of a dict (variants by category) one after another."""
    if isinstance(value, Mapping):
        parts = [_texts(part) for part in value.values()]
        return None if None in parts else tuple(text for part in parts if part for text in part)
    if isinstance(value, list | tuple) and all(isinstance(text, str) for text in value):
        return tuple(value)
    return None
