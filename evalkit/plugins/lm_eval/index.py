"""What a folder of lm-eval's tasks holds: tasks, groups and tags by name, without running any of it.

Reading 14,000 files takes some twenty seconds, so what each file says is kept in a cache by its size and modification
time: a look-up afterwards looks at the files' dates alone and reads those that changed.
"""

from __future__ import annotations

import os
import posixpath
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson

from evalkit.core import UsageError, digest_of
from evalkit.core.paths import cache_dir
from evalkit.plugins.lm_eval.yaml_files import FunctionName, plain

__all__ = ["Entry", "Index", "index_of"]

Kind = Literal["task", "class", "group", "tag"]
_FORMAT = 2
_IGNORED = frozenset({"__pycache__", ".ipynb_checkpoints"})
_KEYS = ("task", "group", "tag", "class", "include")


@dataclass(frozen=True, slots=True)
class Entry:
    """One name. `path` is its YAML, relative to the folder ("" for a tag); a tag's `members` are tasks."""

    name: str
    kind: Kind
    path: str
    tags: tuple[str, ...] = ()
    members: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """The folder that it lies in."""
        return self.path.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Index:
    """The names of a folder, and the files that cannot be read, each with its problem."""

    root: Path
    entries: Mapping[str, Entry]
    problems: Mapping[str, str] = field(default_factory=dict)


def index_of(root: Path) -> Index:
    """The index of a folder, from the cache as far as its files are what they were."""
    cache = cache_dir() / "plugins" / f"lm-eval-{digest_of(str(root))}.json"
    stored = _stored(cache)
    known: dict[str, Any] = {}
    changed = False
    waiting = dict(_files(str(root), ""))
    while waiting:
        for name, stamp in waiting.items():
            found = stored.get(name)
            if found is None or found[0] != stamp:
                found = [stamp, _said(root / name)]
                changed = True
            known[name] = found
        waiting = dict(_included(root, waiting, known))
    if changed or len(stored) != len(known):
        _store(cache, known)
    return _assembled(root, {name: said for name, (_, said) in known.items()})


def _included(root: Path, names: Iterable[str], known: Mapping[str, Any]) -> Iterator[tuple[str, list[int]]]:
    """The files that those include and that no name gives away as YAML."""
    paths = {_path_from(name, one) for name in names for one in _listed(known[name][1].get("include"))}
    for path in paths - known.keys():
        if not path.startswith(("../", "/")) and (root / path).is_file():
            status = (root / path).stat()
            yield path, [status.st_size, status.st_mtime_ns]


def _path_from(path: str, included: Any) -> str:
    return posixpath.normpath(posixpath.join(path.rpartition("/")[0], str(included)))


def _files(folder: str, prefix: str) -> Iterator[tuple[str, list[int]]]:
    """The YAML files below a folder, by path, with size and modification time; what includes them may have any name."""
    try:
        found = list(os.scandir(folder))
    except OSError:
        return
    for item in found:
        if item.is_dir():
            if item.name not in _IGNORED:
                yield from _files(item.path, f"{prefix}{item.name}/")
        elif item.name.endswith(".yaml") or "yaml" in item.name or item.name.endswith(".yml"):
            status = item.stat()
            yield prefix + item.name, [status.st_size, status.st_mtime_ns]


def _said(path: Path) -> dict[str, Any]:
    """What of a file the index needs."""
    try:
        values = plain(path)
    except UsageError as error:
        return {"problem": error.wrong}
    said = {key: values[key] for key in _KEYS if values.get(key) is not None}
    if "class" in said:
        said["class"] = str(said["class"])
    if "task" in said and not isinstance(said["task"], str):
        said["task"] = [] if "group" not in said else True
    return {key: value for key, value in said.items() if not isinstance(value, FunctionName)}


def _assembled(root: Path, said: Mapping[str, Mapping[str, Any]]) -> Index:
    """Names as lm-eval gives them: the first file in the order of paths has a name, and tags are those of tasks."""
    entries: dict[str, Entry] = {}
    problems: dict[str, str] = {}
    tagged: dict[str, set[str]] = {}
    for path in sorted(said):
        if not path.endswith(".yaml"):
            continue
        own = _with_includes(path, said, ())
        if "problem" in own:
            problems[path] = own["problem"]
        tags = tuple(map(str, _listed(own.get("tag"))))
        kind: Kind = "class" if "class" in own else "group" if "group" in own else "task"
        name = own.get("group" if kind == "group" else "task")
        if not isinstance(name, str) or not name or name in entries:
            continue
        entries[name] = Entry(name, kind, path, tags)
        for tag in tags if kind != "group" else ():
            tagged.setdefault(tag, set()).add(name)
    for tag, members in tagged.items():
        if tag not in entries:
            entries[tag] = Entry(tag, "tag", "", (), tuple(sorted(members)))
    return Index(root, entries, problems)


def _with_includes(path: str, said: Mapping[str, Mapping[str, Any]], seen: tuple[str, ...]) -> dict[str, Any]:
    own = dict(said.get(path, {}))
    merged: dict[str, Any] = {}
    for name in _listed(own.pop("include", None)):
        included = _path_from(path, name)
        if included in said and included not in seen:
            merged |= _with_includes(included, said, (*seen, path))
    return merged | own


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _stored(cache: Path) -> dict[str, Any]:
    try:
        content = orjson.loads(cache.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict) or content.get("format") != _FORMAT or not isinstance(content.get("files"), dict):
        return {}
    files: dict[str, Any] = content["files"]
    return files if all(_is_known(value) for value in files.values()) else {}


def _is_known(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[1], dict)


def _store(cache: Path, files: Mapping[str, Any]) -> None:
    """Write next to it and replace, so that a reader sees the old file or the new one; a help, no reason to fail."""
    temporary = ""
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=cache.parent, prefix=cache.name)
        with os.fdopen(handle, "wb") as file:
            file.write(orjson.dumps({"format": _FORMAT, "files": files}, default=str))
        Path(temporary).replace(cache)
    except OSError:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
