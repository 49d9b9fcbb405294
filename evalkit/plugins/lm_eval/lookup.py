"""`lm-eval/NAME` to a task or a suite: looked up in the index, read from its YAML, made of its functions.

What makes tasks is loaded when one is made: a list of names needs none of it.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.core import Source, Suite, Task, UsageError, digest_of
from evalkit.core.spec import unknown
from evalkit.plugins.lm_eval.functions import Functions, named_in
from evalkit.plugins.lm_eval.groups import Leaf, leaves_of
from evalkit.plugins.lm_eval.index import Entry, Index, index_of
from evalkit.plugins.lm_eval.places import PREFIX, Place, place_of
from evalkit.plugins.lm_eval.programs import contain, is_unsafe, runners_in
from evalkit.plugins.lm_eval.yaml_files import Document, FunctionName, read

if TYPE_CHECKING:
    from evalkit.plugins.lm_eval.config import Config

__all__ = ["Found", "find", "listed", "load", "prepared"]

OPTIONS = ("from", "group")
_FRESH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Found:
    """A name that was looked up: its entry, and for a task its YAML and every file that it is made of."""

    name: str
    place: Place
    index: Index
    entry: Entry
    document: Document | None
    files: tuple[Path, ...]

    @property
    def is_class(self) -> bool:
        """Whether the task is a Python class, which an include may say as well."""
        return self.document is not None and "class" in self.document.values

    @property
    def digest(self) -> str:
        """Of every file by its place in the folder."""
        return digest_of(*(part for path in self.files for part in (_shown(path, self.place.root), _content(path))))


def find(name: str, options: Mapping[str, str], project: Path | None) -> Found:
    """What `lm-eval/NAME` with these options names; nothing is executed. Raises UsageError where there is none."""
    for option in options:
        if option not in OPTIONS:
            raise UsageError(f"{name!r} has no option {option!r}", fix="from=DIR, a folder of lm-eval's YAML")
    place = place_of(options.get("from", ""), project)
    index = _recent_index(place.root)
    short = name.removeprefix(PREFIX)
    if group := options.get("group", ""):
        return _of_group(short, group, place, index)
    if short not in index.entries:
        raise unknown(f"task of {place.shown}", short, index.entries)
    entry = index.entries[short]
    if entry.kind == "tag":
        paths = [index.root / index.entries[one].path for one in entry.members if one in index.entries]
        return Found(name, place, index, entry, None, tuple(paths))
    document = read(index.root / entry.path, index.root)
    if entry.kind == "group":
        return Found(name, place, index, entry, document, document.files)
    return Found(name, place, index, entry, document, _every_file(document, place))


def load(name: str, options: Mapping[str, str], project: Path | None) -> Task | Suite:
    """The task or suite. A task's Python is imported where it names any. Raises UsageError."""
    found = find(name, options, project)
    if found.entry.kind in ("group", "tag"):
        from evalkit.plugins.lm_eval.suites import suite_of

        group, folder = found.entry.name, {key: options[key] for key in ("from",) if key in options}
        return suite_of(
            found.index, group, lambda leaf: _spec(leaf, group, folder), lambda name: _with_options(name, folder)
        )
    return prepared(found, project)


def prepared(found: Found, project: Path | None, given: Callable[[str], Source] | None = None) -> Task:
    """The task of what was found; `given` gives its rows in place of the data set that it names."""
    at = str(found.index.root / found.entry.path)
    if found.is_class:
        from evalkit.plugins.lm_eval.classes import task_of_class  # such a task needs the package itself

        return task_of_class(found.name, _resolved(found, project), at, found.digest, given)
    from evalkit.plugins.lm_eval.building import task_of

    return task_of(found.name, configured(found, project), at, found.digest, given)


def configured(found: Found, project: Path | None) -> Config:
    """The task's configuration with its functions. Raises UsageError for what evalkit has nothing for."""
    from evalkit.plugins.lm_eval.config import config_of

    return config_of(_resolved(found, project), str(found.index.root / found.entry.path))


def _resolved(found: Found, project: Path | None) -> dict[str, Any]:
    """What the YAML says, its functions found; programs that they run are sent to the sandbox."""
    assert found.document is not None
    values = found.document.values
    functions = Functions(found.place, project or Path.cwd())
    unsafe = bool(values.get("unsafe_code"))
    if unsafe:
        _check_unsafe(found, str(found.index.root / found.entry.path))
    resolved: dict[str, Any] = functions.resolved(values)
    for module in functions.modules if unsafe else ():
        contain(module)
    return resolved


def listed(folder: str, project: Path | None) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(name, what it is, tags) of everything in a folder; nothing is executed."""
    index = index_of(place_of(folder, project).root)
    for name, entry in sorted(index.entries.items()):
        what = f"{len(entry.members)} tasks" if entry.kind == "tag" else entry.path
        yield PREFIX + name, what if entry.kind in ("task", "tag") else f"{entry.kind}: {what}", entry.tags


_recent: dict[Path, tuple[float, Index]] = {}


def _recent_index(root: Path) -> Index:
    """The index; that of a moment ago where a suite's tasks are looked up one after another."""
    known = _recent.get(root)
    if known is None or time.monotonic() - known[0] > _FRESH_SECONDS:
        known = time.monotonic(), index_of(root)
    _recent[root] = time.monotonic(), known[1]
    return known[1]


def _of_group(short: str, group: str, place: Place, index: Index) -> Found:
    """A task as a group has it, with what the group says of it laid over."""
    if group not in index.entries:
        raise unknown(f"group of {place.shown}", group, index.entries)
    leaf = next((one for one in leaves_of(index, group) if one.task == short and one.over), None)
    if leaf is None:
        raise UsageError(f"the group {group!r} has no task {short!r}")
    outer = read(index.root / index.entries[group].path, index.root)
    if leaf.is_inline:
        entry = Entry(short, "task", index.entries[group].path)
        document = Document({**leaf.over, "task": short}, outer.files)
    else:
        entry = index.entries[short]
        own = read(index.root / entry.path, index.root)
        document = Document({**own.values, **leaf.over}, (*own.files, *outer.files))
    return Found(PREFIX + short, place, index, entry, document, _every_file(document, place))


def _spec(leaf: Leaf, group: str, folder: Mapping[str, str]) -> str:
    return _with_options(leaf.task, {**({"group": group} if leaf.over else {}), **folder})


def _with_options(name: str, options: Mapping[str, str]) -> str:
    return ",".join([PREFIX + name, *(f"{key}={value}" for key, value in options.items())])


def _check_unsafe(found: Found, at: str) -> None:
    """Raises UsageError where a module runs programs by other functions than those that evalkit knows."""
    assert found.document is not None
    named = {path for name in named_in(found.document.values) for path in _modules(name)}
    for path in found.files:
        source = _content(path) if path.suffix == ".py" else ""
        if is_unsafe(source) and (path not in named or not runners_in(source)):
            fix = "check_correctness(check_program, timeout), which evalkit runs in its sandbox"
            wrong = "the task runs programs itself, outside of any sandbox"
            raise UsageError(wrong, found=str(path), fix=fix, at=at)


def _every_file(document: Document, place: Place) -> tuple[Path, ...]:
    """The YAML files, the modules that they name, and the modules of the folder that those import."""
    found = dict.fromkeys(document.files)
    for name in named_in(document.values):
        for path in _modules(name):
            _closed(path, place, found)
    return tuple(found)


def _modules(name: FunctionName) -> Iterator[Path]:
    module = name.text.strip().rpartition(".")[0]
    path = (name.folder / f"{module.replace('.', '/')}.py").resolve()
    if path.is_file():
        yield path


def _closed(path: Path, place: Place, found: dict[Path, None]) -> None:
    """Add a module and those that it imports from the folder, which are read and not run."""
    if path in found:
        return
    found[path] = None
    try:
        tree = ast.parse(_content(path))
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        for module in _imported(node, path, place.root):
            if module.is_file() and module.is_relative_to(place.root):
                _closed(module.resolve(), place, found)


def _imported(node: ast.AST, path: Path, root: Path) -> Iterator[Path]:
    names: list[str] = []
    folder = path.parent
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        for _ in range(max(0, node.level - 1)):
            folder = folder.parent
        names = [node.module] if node.module else [alias.name for alias in node.names]
    for name in names:
        if name.startswith("lm_eval.tasks."):
            yield root / f"{name.removeprefix('lm_eval.tasks.').replace('.', '/')}.py"
        else:
            yield folder / f"{name.replace('.', '/')}.py"


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _content(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "surrogateescape")
