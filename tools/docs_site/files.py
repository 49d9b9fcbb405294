"""The files that people write, from the schemas that editors take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalkit.cli.schemas import schemas
from tools.docs_site.tables import code, sentence, table

__all__ = ["pages"]

_INTRODUCTION = """\
# File formats

The files that you write, key by key. `evalkit init --schemas` writes these schemas into a project, so that an editor
checks a file while you type. [Runs](runs.md) describes the files that evalkit writes.
"""
_TITLES = {"policy": "Gate policy", "suite": "Suite", "task": "Task in YAML", "rubric": "Rubric in YAML"}


def pages() -> Iterator[tuple[str, str]]:
    """(path below docs/, Markdown) of the page of file formats."""
    parts = [_INTRODUCTION]
    for kind, schema in schemas().items():
        rows = list(_rows(schema, ""))
        needed = ", ".join(code(key) for key in schema.get("required", ()))
        link = f"JSON Schema: [{kind}.schema.json](schemas/{kind}.schema.json)."
        parts.append(f"## {_TITLES.get(kind, kind)}\n\n{link}" + (f" Required: {needed}." if needed else "") + "\n")
        parts.append(table(("Key", "Value", "Does"), rows))
    yield "reference/file-formats.md", "\n".join(parts)


def _rows(schema: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str, str]]:
    for key, value in schema.get("properties", {}).items():
        yield code(prefix + key), _kind(value), sentence(str(value.get("description", "")))
        if prefix.count(".") < 1:
            yield from _rows(value, f"{prefix}{key}.")


def _kind(value: Mapping[str, Any]) -> str:
    if "enum" in value:
        return ", ".join(code(one) for one in value["enum"])
    if "const" in value:
        return code(value["const"])
    for several in ("anyOf", "oneOf"):
        if several in value:
            return " or ".join(dict.fromkeys(_kind(one) for one in value[several] if _kind(one)))
    kind: Any = value.get("type", "")
    if isinstance(kind, list):
        return "text" if "string" in kind else " or ".join(kind)
    if kind == "array":
        return "list of " + (_kind(value.get("items", {})) or "values")
    return {"object": "mapping", "string": "text", "integer": "whole number"}.get(str(kind), str(kind))
