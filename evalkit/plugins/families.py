"""Families of tasks that are no plugin files: found under a prefix, by a module of evalkit's that knows their form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from evalkit.core import DataOptions, Suite, Task, UsageError
from evalkit.core.named import imported

__all__ = ["FAMILIES", "Member", "coverage_of", "family_of", "find", "load", "rows_of", "with_folder"]

FAMILIES: Mapping[str, str] = MappingProxyType({"lm-eval/": "evalkit.plugins.lm_eval"})
"""prefix → the package for the names that begin with it; its `lookup` has `find`, `load` and `listed`, its `coverage` a
function of that name."""
FOLDER = "from"
"""The option that says in which folder a family's task is; not a part of what the task is called."""


@dataclass(frozen=True, slots=True)
class Member:
    """A task of a family: its file and the digest of everything that it is made of."""

    path: Path
    digest: str


def family_of(name: str) -> str:
    """The prefix that a name begins with; "" where it is not a family's."""
    return next((prefix for prefix in FAMILIES if name.startswith(prefix)), "")


def find(name: str, options: Mapping[str, str], project: Path | None) -> Member:
    """What a family's name stands for. Nothing is executed. Raises UsageError where there is none."""
    found = _call(name, "lookup:find", name, options, project)
    return Member(found.place.root / found.entry.path, found.digest)


def load(name: str, options: Mapping[str, str], project: Path | None) -> Task | Suite:
    """The task or suite of a family's name. Raises UsageError."""
    made: Task | Suite = _call(name, "lookup:load", name, options, project)
    return made


def rows_of(prefix: str, folder: str = "", project: Path | None = None) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(name, summary, tags) of everything in a family."""
    rows: Iterator[tuple[str, str, tuple[str, ...]]] = _call(prefix, "lookup:listed", folder, project)
    return rows


def coverage_of(prefix: str, folder: str, data: DataOptions, project: Path | None = None) -> dict[str, Any]:
    """Which tasks of a family can be asked: counts of tasks and families, and what each of the others lacks."""
    found: dict[str, Any] = _call(prefix, "coverage:coverage", folder, project, data)
    return found


def with_folder(spec: str, folder: Path | str) -> str:
    """The spec of a task with the folder that its family is read from. Raises UsageError for a folder with commas."""
    if not family_of(spec) or f",{FOLDER}=" in spec:
        return spec
    if "," in str(folder):
        raise UsageError("a folder of tasks cannot have a comma in its name", found=str(folder), fix="rename it")
    return f"{spec},{FOLDER}={folder}"


def _call(name: str, function: str, *arguments: Any) -> Any:
    return imported(f"{FAMILIES[family_of(name)]}.{function}")(*arguments)
