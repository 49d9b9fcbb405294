"""Every task of the packs: protocol, data and licence from its file, options from its function, published figures."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from evalkit.plugins import PluginEntry, index
from tools.docs_site.tables import code, prose, sentence, table

__all__ = ["pages"]

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "docs" / "reference" / "benchmarks.md"

_INTRODUCTION = """\
# Tasks

Every task that ships with evalkit, from its own file. `evalkit list tasks` prints the same names. Write options after
the name: `evalkit run mmlu,subject=anatomy`. A task with a published figure shows its row of
[Published benchmarks](benchmarks.md), which has the settings that the figure needs. `toy_…` sets are small and made up:
their numbers say nothing about a model.
"""


def pages() -> Iterator[tuple[str, str]]:
    """(path below docs/, Markdown) of the page of tasks."""
    figures = _figures()
    found = [entry for entry in index("task") if entry.origin == "built-in"]
    toys = [entry for entry in found if "toy" in entry.tags]
    real = [entry for entry in found if entry not in toys]
    tags = sorted({tag for entry in real for tag in entry.tags})
    by_tag = [(code(tag), ", ".join(_link(entry) for entry in real if tag in entry.tags)) for tag in tags]
    parts = [
        _INTRODUCTION,
        f"## By tag\n\n{table(('Tag', 'Tasks'), by_tag)}",
        *(_section(entry, figures) for entry in real),
        f"## Toy sets\n\n{table(('Name', 'Is'), [(code(toy.name), sentence(toy.summary)) for toy in toys])}",
    ]
    yield "reference/tasks.md", "\n".join(parts)


def _link(entry: PluginEntry) -> str:
    return f"[{entry.name}](#{entry.name})"


def _section(entry: PluginEntry, figures: dict[str, list[tuple[str, str]]]) -> str:
    path = entry.path / "__init__.py" if entry.path.is_dir() else entry.path
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        about, options = _of_python(text)
    else:
        about, options = _of_yaml(text), []
    parts = [f"## {entry.name}\n", sentence(entry.summary) + "\n", about]
    if entry.variants:
        parts.append("Variants: " + ", ".join(code(f"{entry.name},{one}") for one in entry.variants) + "\n")
    if options:
        parts.append(table(("Option", "Value", "Default"), options))
    if entry.name in figures:
        rows = [(name, figure) for name, figure in figures[entry.name]]
        parts.append(table(("Task", "Published figure"), rows))
    return "\n".join(parts)


def _of_python(text: str) -> tuple[str, list[tuple[str, str, str]]]:
    tree = ast.parse(text)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "task"]
    options = []
    for function in functions:
        for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
            kind = ast.unparse(argument.annotation) if argument.annotation else ""
            options.append((code(argument.arg), code(kind), code(ast.unparse(default)) if default else "required"))
    about = ast.get_docstring(tree) or ""
    more = [ast.get_docstring(function) or "" for function in functions]
    return "".join(_blocks(one) for one in (about, *more)), options


def _of_yaml(text: str) -> str:
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").removeprefix(" "))
    return _blocks("\n".join(lines))


def _blocks(text: str) -> str:
    """Paragraphs of a docstring; what is indented is a block of code."""
    parts = []
    for part in re.split(r"\n\s*\n", text.strip()):
        if all(line.startswith("    ") for line in part.splitlines() if line.strip()):
            parts.append(f"```text\n{re.sub(r'^    ', '', part, flags=re.MULTILINE)}\n```\n")
        elif part.strip():
            parts.append(prose(part.strip()) + "\n")
    return "\n".join([*parts, ""])


def _figures() -> dict[str, list[tuple[str, str]]]:
    """task → (task with options, published figure), from the page of published benchmarks."""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in FIGURES.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        name = re.match(r"`(\w+)", cells[0]) if len(cells) > 4 else None
        if name and cells[4] not in ("–", "not verified"):
            found.setdefault(name[1], []).append((cells[0], cells[4]))
    return found
