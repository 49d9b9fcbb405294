"""A folder of YAML as lm-eval has it, with rows next to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from evalkit import plugins
from evalkit.core import DataOptions, Prompt, Row, Sample, Task
from evalkit.plugins import foreign_code
from evalkit.prompting.fewshot import PromptRenderer, lm_eval_stream

Write = Callable[[str, str], Path]


@pytest.fixture
def leave():
    """Call it, and tasks of any folder may run their Python from there on."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(foreign_code.allowed())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tasks").mkdir()
    return tmp_path / "tasks"


@pytest.fixture
def write(folder: Path) -> Write:
    """Write a file of the folder: `write("a.yaml", text)`; ROWS in it is the path of the rows."""

    def put(name: str, text: str) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).replace("ROWS", str(folder / "rows.jsonl")), encoding="utf-8")
        return path

    return put


@pytest.fixture
def rows(folder: Path) -> Callable[..., None]:
    def put(*values: dict[str, Any]) -> None:
        text = "".join(json.dumps(value) + "\n" for value in values)
        (folder / "rows.jsonl").write_text(text, encoding="utf-8")

    return put


@pytest.fixture
def load(folder: Path, tmp_path: Path) -> Callable[..., Any]:
    """What `lm-eval/NAME` of the folder is. The project is another folder than that of the tasks."""

    def made(name: str, project: Path | None = None, **options: str) -> Any:
        own = project or tmp_path / "project"
        return plugins.load("task", f"lm-eval/{name}", {"from": str(folder), **options}, own)

    return made


def asked(
    task: Task, k: int | None = None, options: DataOptions | None = None, *, chats: bool = False, turns: bool = False
) -> list[tuple[Sample, Prompt]]:
    """The samples of a task with their prompts, as a base model or as one that chats reads them."""
    from dataclasses import replace

    options = options or DataOptions()
    subset = task.data[0]
    fewshot = task.fewshot if k is None else replace(task.fewshot, k=k)
    draw = PromptRenderer(task.name, task.prompt, fewshot, subset, task.sample, options, 1, lm_eval_stream())
    draw = replace(draw, chats=chats, turns=turns)
    found = [row for row in subset.rows.open(options).rows() if isinstance(row, Row)]
    return [(sample, draw.render(sample)) for sample in map(task.sample, found)]
