"""What plugins there are: built-in ones, those in the project's own folders and in installed distributions.

None of them is run to be listed.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from evalkit.core import UsageError
from evalkit.core.installed import pack_folders
from evalkit.core.named import offered, source_of
from evalkit.core.paths import packs_dir
from evalkit.plugins import meta_cache
from evalkit.plugins.kinds import KINDS, Kind
from evalkit.plugins.meta import Meta
from evalkit.plugins.toys import Toys

__all__ = ["PluginEntry", "built_in", "entries", "index"]

YAML = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """A plugin as it is listed. `origin` is "built-in", "project" or a distribution's name.

    `problem` is "" or says, with file and line, why the plugin cannot be loaded. `target` is "module:function" of what
    is not a plugin file but a part of evalkit, such as most scorers. `toys` are the toy sets in its file; each has an
    entry of its own, too.
    """

    name: str
    summary: str
    tags: tuple[str, ...]
    variants: tuple[str, ...]
    path: Path
    origin: str
    problem: str = ""
    target: str = ""
    toys: Toys = field(default_factory=dict)


def index(kind: Kind, project: Path | None = None) -> tuple[PluginEntry, ...]:
    """Every plugin of a kind, by name. `project` is the folder that has the user's own packs (default: cwd).

    A plugin whose META is broken is listed with its `problem`. Raises UsageError where two plugins have one name.
    """
    found = [*_summarised(built_in(kind)), *entries(kind, project)]
    found.sort(key=lambda entry: (entry.name, str(entry.path)))
    for one, two in itertools.pairwise(found):
        if one.name == two.name:
            raise clash(kind, one, two)
    return tuple(found)


def clash(kind: Kind, one: PluginEntry, two: PluginEntry) -> UsageError:
    """The error for two plugins of one name."""
    places = f"{one.path} ({one.origin}) and {two.path} ({two.origin})"
    return UsageError(f"two {kind}s are named {one.name!r}", found=places, fix="rename one of them in its META")


def built_in(kind: Kind) -> list[PluginEntry]:
    """Those of a kind that are parts of evalkit's packages, without their summaries; nothing is imported."""
    named = [item for package in KINDS[kind].packages for item in offered(package).items()]
    return [PluginEntry(name, "", (), (), source_of(target), "built-in", target=target) for name, target in named]


def _summarised(found: list[PluginEntry]) -> list[PluginEntry]:
    texts = meta_cache.read_summaries({entry.path for entry in found})
    return [replace(entry, summary=texts[entry.path].get(entry.target.rpartition(":")[2], "")) for entry in found]


def entries(kind: Kind, project: Path | None = None) -> list[PluginEntry]:
    """Every plugin file of a kind, also where two share a name."""
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
            found += _entries(meta, path, origin)
    return found


def _entries(meta: Meta, path: Path, origin: str) -> Iterator[PluginEntry]:
    """The plugin's own entry and those of its toy sets."""
    yield PluginEntry(meta.name, meta.summary, meta.tags, meta.variants, path, origin, meta.problem, toys=meta.toys)
    for name in meta.toys:
        summary = f"toy set: made-up rows to try {meta.name} on, offline"
        yield PluginEntry(name, summary, ("toy", *meta.tags), (), path, origin, meta.problem, toys=meta.toys)


def _folders(kind: Kind, project: Path | None, problems: list[PluginEntry]) -> Iterator[tuple[Path, str]]:
    """The folders to look in. Run from evalkit's own checkout, the project's folder is the built-in one."""
    folder = KINDS[kind].folder
    if KINDS[kind].ships:
        yield packs_dir(folder), "built-in"
    yield (project or Path.cwd()) / folder, "project"
    for pack in pack_folders():
        if pack.folder is not None:
            yield pack.folder / folder, pack.origin
        else:
            problems.append(PluginEntry(pack.name, "", (), (), Path(pack.module), pack.origin, pack.problem))


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
        elif path.suffix == ".py" or (KINDS[kind].yaml and path.suffix in YAML):
            yield path
