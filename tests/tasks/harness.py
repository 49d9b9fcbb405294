"""What lm-evaluation-harness asks of a row, read from its own task files: YAML with includes, Jinja and functions.

Its definitions are the oracle. They are put together (description, examples, question) as its ConfigurableTask does.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import yaml

_JINJA = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)


@dataclass(frozen=True)
class Definition:
    """A task of lm-eval."""

    values: Mapping[str, Any]

    def asked(self, row: Mapping[str, Any], examples: Sequence[Mapping[str, Any]] = ()) -> list[tuple[str, str]]:
        """The (context, continuation) pairs of a row after these few-shot examples, in the order of its choices."""
        before = self._rendered(self.values.get("description", ""), row) + "".join(map(self.shown, examples))
        question, target = self.read("doc_to_text", row), self.read("doc_to_target", row)
        if "doc_to_choice" not in self.values:
            return [(before + question, target)]
        choices = self.read("doc_to_choice", row)
        if isinstance(question, int):
            return [(before + choice, f" {target}") for choice in choices]
        return [(before + question, f" {choice}") for choice in choices]

    def prompt(self, row: Mapping[str, Any], examples: Sequence[Mapping[str, Any]] = ()) -> str:
        """The context of a row whose choices, if any, are continuations."""
        return self.asked(row, examples)[0][0]

    def gold(self, row: Mapping[str, Any]) -> int:
        """The index of the right choice."""
        question, target = self.read("doc_to_text", row), self.read("doc_to_target", row)
        found = question if isinstance(question, int) else target
        return found if isinstance(found, int) else self.read("doc_to_choice", row).index(found)

    def shown(self, row: Mapping[str, Any]) -> str:
        own = self.values.get("fewshot_config") or {}
        question = self.read("doc_to_text", row, own.get("doc_to_text"))
        target = self.read("doc_to_target", row, own.get("doc_to_target"))
        if isinstance(question, int):
            question = self.read("doc_to_choice", row)[question]
        elif isinstance(target, int):
            target = self.read("doc_to_choice", row)[target]
        return f"{question} {target[0] if isinstance(target, list) else target}\n\n"

    def read(self, key: str, row: Mapping[str, Any], own: Any = None) -> Any:
        told = self.values[key] if own is None else own
        if callable(told):
            return told(row)
        if not isinstance(told, str):
            return told
        if told in row:
            return row[told]
        text = self._rendered(told, row)
        if text.isdigit() and "doc_to_choice" in self.values:
            return int(text)
        return ast.literal_eval(text) if text.startswith("[") and text.endswith("]") else text

    def _rendered(self, template: str, row: Mapping[str, Any]) -> str:
        return _JINJA.from_string(template).render(**row)


def definition(path: Path) -> Definition:
    """The task in a file, with what it includes."""
    return Definition(_values(path))


def function(path: Path, name: str) -> Any:
    """A function of a Python file that lies beside a task."""
    spec = importlib.util.spec_from_file_location(f"lm_eval_{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def _values(path: Path) -> dict[str, Any]:
    class Loader(yaml.SafeLoader):
        pass

    def called(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
        module, _, name = loader.construct_scalar(node).rpartition(".")
        return function(path.parent / f"{module}.py", name)

    Loader.add_constructor("!function", called)
    own = yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)
    included = own.pop("include", None)
    return {**(_values(path.parent / included) if included else {}), **own}
