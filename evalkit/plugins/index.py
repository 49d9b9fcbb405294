"""What plugins there are: built-in packs, the project's own folders and installed distributions, none of them run."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evalkit.core import UsageError
from evalkit.core.paths import packs_dir
from evalkit.plugins import meta_cache
from evalkit.plugins.meta import Kind, Meta

__all__ = ["Kind", "PluginEntry", "entries", "index"]

ENTRY_POINTS = "evalkit.packs"
FOLDERS: dict[Kind, str] = {"task": "tasks", "judge": "judges", "report": "reports"}
YAML = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """A plugin as it is listed. `origin` is "built-in", "project" or a distribution's name.

    `problem` is "" or says, with file and line, why the plugin cannot be loaded.
    """

    name: str
    summary: str
    tags: tuple[str, ...]
    variants: tuple[str, ...]
    path: Path
    origin: str
    problem: str = ""


def index(kind: Kind, project: Path | None = None) -> tuple[PluginEntry, ...]:
    """Every plugin of a kind, by name. `project` is the folder that has the user's own packs (default: cwd).

    A plugin whose META is broken is listed with its `problem`. Raises UsageError where two plugins have one name.
    """
    found = sorted(entries(kind, project), key=lambda entry: (entry.name, str(entry.path)))
    for one, two in itertools.pairwise(found):
        if one.name == two.name:
            raise clash(kind, one, two)
    return tuple(found)


def clash(kind: Kind, one: PluginEntry, two: PluginEntry) -> UsageError:
    """The error for two plugins of one name."""
    places = f"{one.path} ({one.origin}) and {two.path} ({two.origin})"
    return UsageError(f"two {kind}s are named {one.name!r}", found=places, fix="rename one of them in its META")


def entries(kind: Kind, project: Path | None = None) -> list[PluginEntry]:
    """Every plugin of a kind, also where two share a name."""
    found: list[PluginEntry] = []
    plugins: list[tuple[Path, str]] = []
    seen: set[Path] = set()
    for folder, origin in _folders(kind, project, found):
        resolved = folder.resolve()
        if resolved not in seen:
            seen.add(resolved)
            plugins += [(path, origin) for path in _plugins(kind, resolved)]
    metas = meta_cache.read_all(kind, [path for path, _ in plugins])
    for path, origin in plugins:
        meta = metas[path]
        if meta is not None:
            found.append(_entry(meta, path, origin))
    return found


def _entry(meta: Meta, path: Path, origin: str) -> PluginEntry:
    return PluginEntry(meta.name, meta.summary, meta.tags, meta.variants, path, origin, meta.problem)


def _folders(kind: Kind, project: Path | None, problems: list[PluginEntry]) -> Iterator[tuple[Path, str]]:
    """The folders to look in. Run from evalkit's own checkout, the project's folder is the built-in one."""
    yield packs_dir(FOLDERS[kind]), "built-in"
    yield (project or Path.cwd()) / FOLDERS[kind], "project"
    yield from _installed(kind, problems)


def _plugins(kind: Kind, folder: Path) -> Iterator[Path]:
    """The files and folders that may be plugins; names beginning with "_" or "." are a pack's private matter."""
    try:
        found = sorted(os.scandir(folder), key=lambda item: item.name)
    except OSError:
        return
    for item in found:
        path = folder / item.name
        if item.name.startswith(("_", ".")):
            continue
        if item.is_dir():
            if (path / "__init__.py").is_file():
                yield path
        elif path.suffix == ".py" or (kind != "report" and path.suffix in YAML):
            yield path


def _installed(kind: Kind, problems: list[PluginEntry]) -> Iterator[tuple[Path, str]]:
    """The pack folders of installed distributions, found without importing any of their modules."""
    from importlib.metadata import entry_points

    for point in entry_points(group=ENTRY_POINTS):
        origin = point.dist.name if point.dist is not None else point.name
        folder = _package_folder(point.module)
        if folder is not None:
            yield folder / FOLDERS[kind], origin
        else:
            why = f"entry point {point.name!r} of {origin}: no package {point.module!r} with pack folders"
            problems.append(PluginEntry(point.name, "", (), (), Path(point.module), origin, why))


def _package_folder(module: str) -> Path | None:
    """The folder of a package. `find_spec("a.b")` would import `a`, so the parts are looked up one by one."""
    import importlib.util
    from importlib.machinery import PathFinder

    first, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(first)
        name = first
        for part in rest:
            name = f"{name}.{part}"
            spec = PathFinder.find_spec(name, spec.submodule_search_locations) if spec is not None else None
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))
