"""YAML as a tree whose every part knows its line, so that each mistake in a task file is reported where it is.

Only plain YAML is read: no tags but the standard ones, no anchors or merge keys, no key twice.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from evalkit.core import UsageError
from evalkit.core.spec import nearest

# libyaml's loader where PyYAML was built with it; both are safe ones.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_PLAIN = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map", "timestamp")}
_DEEPEST = 50

_QUOTES = 'put a text that holds {{ }}, ": " or " #" in quotes, or below a "|"'
_UNQUOTED = re.compile(r"""[:-]\s+(?:\{\{|[%@`]|[^\s'"|>\[{].*:(?:\s|$))""")
"""A value without quotes that begins with, or holds, what YAML doesn't read as text."""


@dataclass(frozen=True, slots=True)
class Value:
    """A part of a document: a text, a number, true or false, nothing, a list or a mapping. `key` is what it is for."""

    node: yaml.Node
    path: Path
    key: str = ""

    @property
    def line(self) -> int:
        return int(self.node.start_mark.line) + 1

    @property
    def at(self) -> str:
        return f"{self.path}:{self.line}"

    @property
    def text_line(self) -> int:
        """The line that the first line of a text is on: a block (`|`, `>`) begins below its mark."""
        return self.line + self._is_block()

    def wrong(self, why: str, *, found: str = "", fix: str = "") -> UsageError:
        """The error for this part."""
        return UsageError(f"{self.key}: {why}" if self.key else why, found=found, fix=fix, at=self.at)

    # ------------------------------------------------------------ what it is

    def is_list(self) -> bool:
        return isinstance(self.node, yaml.SequenceNode)

    def is_mapping(self) -> bool:
        return isinstance(self.node, yaml.MappingNode)

    def mapping(self, known: Collection[str] | None = None) -> dict[str, Value]:
        """The values by key. `known` are the keys there may be; another one is an error with a suggestion."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self._not("a mapping of keys to values")
        found: dict[str, Value] = {}
        for key_node, node in self.node.value:
            key = str(key_node.value)
            if known is not None and key not in known:
                raise _unknown(Value(key_node, self.path), key, known, self.key)
            found[key] = Value(node, self.path, key)
        return found

    def items(self) -> list[Value]:
        """The items of a list; anything else is a list of one."""
        if isinstance(self.node, yaml.SequenceNode):
            return [Value(node, self.path, self.key) for node in self.node.value]
        return [self]

    def text(self) -> str:
        """A text. `yes`, `no` and numbers are taken as they were written, not as what YAML makes of them.

        A block (`|`, `>`) loses the line break at its end, which few prompts mean to have.
        """
        if not isinstance(self.node, yaml.ScalarNode) or self._tag() == "null":
            raise self._not("a text")
        text = str(self.node.value)
        return text.removesuffix("\n") if self._is_block() else text

    def texts(self) -> tuple[str, ...]:
        """A list of texts, or one text."""
        return tuple(item.text() for item in self.items())

    def integer(self, *, least: int = 0) -> int:
        value = self.plain() if self._tag() == "int" else None
        if not isinstance(value, int) or value < least:
            raise self._not(f"a whole number of at least {least}")
        return value

    def number(self) -> float:
        value = self.plain() if self._tag() in ("int", "float") else None
        if not isinstance(value, int | float):
            raise self._not("a number")
        return float(value)

    def truth(self) -> bool:
        value = self.plain()
        if not isinstance(value, bool):
            raise self._not("true or false")
        return value

    def plain(self) -> Any:
        """The value as Python has it: str, int, float, bool, None, list or dict."""
        if isinstance(self.node, yaml.SequenceNode):
            return [item.plain() for item in self.items()]
        if isinstance(self.node, yaml.MappingNode):
            return {key: value.plain() for key, value in self.mapping().items()}
        if self._tag() in ("str", "timestamp"):
            return str(self.node.value)
        try:
            return SafeConstructor().construct_object(self.node)
        except ValueError:
            raise self._not(f"a value of the type {self._tag()}") from None

    def _is_block(self) -> bool:
        return getattr(self.node, "style", None) in ("|", ">")

    def _tag(self) -> str:
        return str(self.node.tag).rpartition(":")[2]

    def _not(self, wanted: str) -> UsageError:
        names = {"seq": "a list", "map": "a mapping", "null": "nothing", "str": "a text"}
        shown = self.node.value if isinstance(self.node, yaml.ScalarNode) else ""
        found = names.get(self._tag(), f"a value of type {self._tag()}")
        return self.wrong(f"this must be {wanted}", found=f"{found} {shown!r:.60}" if shown else found)


def _unknown(place: Value, key: str, known: Collection[str], parent: str) -> UsageError:
    close = nearest(key, known)
    fix = f"did you mean {close!r}?" if close else "one of " + ", ".join(known)
    return UsageError(f"unknown key {key!r}" + (f" in {parent!r}" if parent else ""), fix=fix, at=place.at)


def read_yaml(path: Path) -> Value:
    """The document in a file. Raises UsageError, with the line, for what is not a plain YAML mapping; OSError."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError("the file is not UTF-8", found=str(error), at=str(path)) from None
    try:
        _check_depth(text, path)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise _malformed(error, text, path) from None
    except yaml.YAMLError as error:
        raise UsageError("malformed YAML", found=" ".join(str(error).split()), at=f"{path}:1") from None
    if node is None:
        raise UsageError("the file is empty", fix="a task needs at least data and prompt", at=f"{path}:1")
    document = Value(node, path)
    _check(document, set())
    if not document.is_mapping():
        document.mapping()
    return document


def _malformed(error: yaml.MarkedYAMLError, text: str, path: Path) -> UsageError:
    """What is wrong with a document that no loader reads; the loader's own words follow ours."""
    mark = error.problem_mark or error.context_mark
    if mark is not None:
        _check_depth_before(text[: mark.index + 1], path)
    lines = text.split("\n")
    marked = {place.line for place in (error.context_mark, error.problem_mark) if place is not None}
    return UsageError(
        "malformed YAML",
        found=" ".join(filter(None, (error.context, error.problem))),
        fix=_QUOTES if any(_UNQUOTED.search(line) for number in marked for line in lines[number : number + 1]) else "",
        at=f"{path}:{mark.line + 1 if mark else 1}",
    )


def _check_depth_before(text: str, path: Path) -> None:
    """Refuse deep nesting also where libyaml gave up on it before its first event; PyYAML's own parser does not."""
    with suppress(yaml.YAMLError):
        _check_depth(text, path, yaml.SafeLoader)


def _check_depth(text: str, path: Path, loader: Any = _Loader) -> None:
    """Refuse deep nesting before the tree is made: libyaml makes it by recursion, and would end the process."""
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            mark = event.start_mark
            at = f"{path}:{mark.line + 1 if mark else 1}"
            raise UsageError("the value is nested too deeply", found=f"more than {_DEEPEST} levels", at=at)


def _check(value: Value, seen: set[int]) -> None:
    """Refuse what a task file has no use for: other tags, aliases (which could grow without bound), keys twice."""
    node = value.node
    if node.tag not in _PLAIN:
        raise UsageError(f"the tag {node.tag!r} is not allowed", fix="plain YAML values only", at=value.at)
    if id(node) in seen:
        raise UsageError("anchors and aliases are not allowed", fix="write the value out", at=value.at)
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key_node, _ in node.value:
            key = Value(key_node, value.path)
            if not isinstance(key_node, yaml.ScalarNode):
                raise UsageError("a key must be a text", fix="put a text that begins with { in quotes", at=key.at)
            if key.node.value in lines:
                first = lines[key.node.value]
                raise UsageError(f"the key {key.node.value!r} occurs twice", found=f"also in line {first}", at=key.at)
            lines[key.node.value] = key.line
    for part in _parts(value):
        _check(part, seen)


def _parts(value: Value) -> Iterator[Value]:
    if isinstance(value.node, yaml.SequenceNode):
        yield from value.items()
    elif isinstance(value.node, yaml.MappingNode):
        yield from value.mapping().values()
