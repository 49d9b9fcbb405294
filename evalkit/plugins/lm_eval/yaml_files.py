"""A task's YAML with what it includes, as plain values; `!function` stays a name until somebody resolves it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from evalkit.core import UsageError
from evalkit.plugins.lm_eval.places import installed

__all__ = ["Document", "FunctionName", "read"]

_LARGEST = 8 << 20


@dataclass(frozen=True, slots=True)
class FunctionName:
    """What `!function` names: `module.function`, meant from the folder of the file that says it."""

    text: str
    folder: Path

    def __str__(self) -> str:
        return f"!function {self.text}"


@dataclass(frozen=True, slots=True)
class Document:
    """The keys of a file over those of its includes, and every file that was read for them, the first one itself."""

    values: dict[str, Any]
    files: tuple[Path, ...]


def read(path: Path, root: Path, seen: tuple[Path, ...] = ()) -> Document:
    """The YAML of a file that lies in the folder `root`, with its includes.

    Raises UsageError for malformed YAML, an include that is missing, leads out of the folder or includes itself.
    """
    path = path.resolve()
    if path in seen:
        raise UsageError("a file includes itself", found=" → ".join(one.name for one in (*seen, path)), at=str(path))
    own = plain(path)
    merged: dict[str, Any] = {}
    files = [path]
    includes = own.pop("include", None)
    for name in _listed(includes):
        included = read(_within(root, path, str(name)), root, (*seen, path))
        merged.update({key: value for key, value in included.values.items() if key != "task_list"})
        files += included.files
    return Document(merged | own, tuple(dict.fromkeys(files)))


def plain(path: Path) -> dict[str, Any]:
    """The keys of one file by itself. Raises UsageError where it cannot be read or is not a mapping."""
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError("the file is too large for a task", found=f"{path.stat().st_size:,} bytes", at=str(path))
        with path.open("rb") as file:
            found = yaml.load(file, _loader(path.parent))
    except OSError as error:
        raise UsageError("the file cannot be read", found=str(error), at=str(path)) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f"{path}:{mark.line + 1}" if mark else str(path)
        raise UsageError("the YAML is malformed", found=" ".join(str(error).split())[:160], at=at) from None
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise UsageError("the YAML is malformed", found=str(error)[:160], at=str(path)) from None
    if not isinstance(found, dict):
        raise UsageError("a task's YAML is a mapping", found=type(found).__name__, at=str(path))
    return {str(key): value for key, value in found.items()}


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _within(root: Path, path: Path, name: str) -> Path:
    """The file that an include names, in the folder of tasks or in that of the installed package."""
    found = (path.parent / name).resolve()
    allowed = (root.resolve(), installed())
    if not any(one is not None and found.is_relative_to(one) for one in allowed):
        raise UsageError(
            "an include leads out of the folder of tasks", found=str(found), fix=f"a file in {root}", at=str(path)
        )
    return found


def _loader(folder: Path) -> type[Any]:
    base: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]
        pass

    Loader.add_constructor("!function", lambda loader, node: FunctionName(loader.construct_scalar(node), folder))
    return Loader
