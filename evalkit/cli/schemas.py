"""The JSON Schemas of the files that people write, by kind, as editors take them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evalkit.cli.suite_file import NOT_OPTIONS
from evalkit.comparing.gates import policy_file
from evalkit.core import UsageError
from evalkit.plugins import yaml_judge, yaml_task
from evalkit.plugins.yaml_schema import NAMED, Schema, either, mapping, of_type, said, schema
from evalkit.runs.options import OPTIONS

__all__ = ["FOLDER", "schemas", "write_schemas"]

FOLDER = ".evalkit"
"""Where a project has them, relative to itself."""
_NAMES = either(NAMED, {"type": "array", "items": NAMED})


def schemas() -> dict[str, dict[str, Any]]:
    """Kind of file to its schema: policy, suite, task, rubric."""
    return {
        "policy": schema("A gate's policy", policy_file.SCHEMA),
        "suite": schema("A suite: tasks, models and options of a run", _suite()),
        "task": schema("A task", yaml_task.SCHEMA),
        "rubric": schema("A judge that grades by a rubric", yaml_judge.SCHEMA),
    }


def text_of(kind: str) -> str:
    """One of them as a file."""
    return json.dumps(schemas()[kind], indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> list[Path]:
    """Write all of them into the project `folder`, over older ones. Raises UsageError where that cannot be."""
    written = []
    for kind in schemas():
        path = folder / FOLDER / f"{kind}.schema.json"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text_of(kind), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot write {path}", found=error.strerror or str(error)) from None
        written.append(path)
    return written


def _suite() -> Schema:
    other = {
        "tasks": said(_NAMES, "names, files, or {name: {option: value}}; evalkit list tasks"),
        "models": said(_NAMES, "tiny, hf/<repo or path>, openai/<model>, …; evalkit list models"),
        "gate": said(policy_file.SCHEMA, "a gate's policy, with its baseline"),
        "against": said(_NAMES, "variants, for evalkit quantize-check"),
    }
    options = {option.name: said(of_type(option.type), option.help) for option in OPTIONS.values() if option.suite}
    return mapping({**{name: other[name] for name in NOT_OPTIONS}, **options}, ("tasks",))
