"""Where a folder of lm-eval's tasks is: that of the installed package, or one that the user names."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from evalkit.core import UsageError

__all__ = ["Place", "installed", "place_of"]

PREFIX = "lm-eval/"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of tasks. `is_package`: it is that of the installed package, whose code the user installed."""

    root: Path
    is_package: bool

    @property
    def shown(self) -> str:
        return "the installed lm_eval" if self.is_package else str(self.root)


@cache
def installed() -> Path | None:
    """The folder of tasks of the installed package, which is looked for and not imported."""
    try:
        found = importlib.util.find_spec("lm_eval")
    except (ImportError, ValueError):
        return None
    for folder in (found.submodule_search_locations or []) if found else []:
        if (tasks := Path(folder) / "tasks").is_dir():
            return tasks.resolve()
    return None


def place_of(folder: str, project: Path | None) -> Place:
    """The folder that `from=` names (relative to the project), or that of the package where it names none.

    Raises UsageError where there is no such folder, and where the package is not installed.
    """
    package = installed()
    if not folder:
        if package is None:
            fix = "pip install lm_eval, or --tasks-from DIR with a folder of its YAML"
            raise UsageError("the package lm_eval is not installed in this environment", fix=fix)
        return Place(package, True)
    root = ((project or Path.cwd()) / Path(folder).expanduser()).resolve()
    if not root.is_dir():
        raise UsageError("there is no folder of tasks", found=str(root), fix="--tasks-from DIR, a folder of YAML files")
    return Place(root, root == package)
