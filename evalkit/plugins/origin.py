"""Where a plugin is: by its name or by path, with the digest of its source; and the function in its file."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType

from evalkit.core import UsageError, digest_of
from evalkit.core.named import imported
from evalkit.core.spec import parse, unknown
from evalkit.plugins import families
from evalkit.plugins.families import family_of
from evalkit.plugins.index import YAML, PluginEntry, built_in, clash, entries
from evalkit.plugins.kinds import KINDS, Kind
from evalkit.plugins.meta import read, source_file
from evalkit.plugins.modules import guarded, module_of
from evalkit.plugins.toys import Toys, check_free

__all__ = ["NO_OPTIONS", "Origin", "checked", "function_of", "origin", "source_digest"]

_IN_FILE = re.compile(r"([^\s:\[\]{},'\"]+\.py):[A-Za-z_]")
NO_OPTIONS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an object came from, in words that another process can load it by. `digest` is its source's; `target` is
    "module:function" of what is a part of evalkit and no plugin file. `toys` are the toy sets in its file; where `name`
    is one of them, that set is meant. `family`: it is a task of one (see `families`), whose digest is of all its
    files."""

    kind: Kind
    name: str
    options: Mapping[str, str]
    path: Path
    digest: str
    target: str = ""
    toys: Toys = field(default_factory=dict)
    family: bool = False


def origin(kind: Kind, spec: str, options: Mapping[str, str] = NO_OPTIONS, project: Path | None = None) -> Origin:
    """What `load` of the same arguments would load. Nothing is executed. Raises UsageError for an unknown name."""
    asked = parse(spec)
    for name in options:
        if name in asked.options:
            raise UsageError(f"the option {name!r} is given twice", found=f"{spec!r} and {name}={options[name]}")
    if kind == "task" and family_of(asked.name):
        given = {**asked.options, **options}
        member = families.find(asked.name, given, project)
        return Origin(kind, asked.name, given, member.path, member.digest, family=True)
    found = _find(kind, asked.name, project)
    return _origin_of(kind, found, {**asked.options, **options})


def _origin_of(kind: Kind, found: PluginEntry, options: Mapping[str, str]) -> Origin:
    name = found.name if found.target or found.name in found.toys else _name(found.path)
    check_free(options, found.name, _name(found.path), found.toys)
    return Origin(kind, name, options, found.path, source_digest(found.path), found.target, found.toys)


def source_digest(path: Path) -> str:
    """The digest of a plugin's source: one file, with the files whose functions a YAML file names, or every file of a
    folder but compiled ones."""
    if path.is_file():
        own = _text(path)
        return digest_of(own, *map(_text, _named_files(path, own))) if path.suffix in YAML else digest_of(own)
    files = [p for p in sorted(path.rglob("*")) if p.is_file() and "__pycache__" not in p.parts]
    return digest_of(*(part for p in files for part in (p.relative_to(path).as_posix(), _text(p))))


def _named_files(path: Path, text: str) -> list[Path]:
    """The files of `./my.py:name` in a task's text, which are a part of what it is."""
    names = dict.fromkeys(match[1] for match in _IN_FILE.finditer(text))
    return [file for name in names if (file := path.parent / Path(name).expanduser()).is_file()]


def _text(path: Path) -> str:
    # surrogateescape keeps every byte apart, also in files that are not UTF-8.
    return path.read_bytes().decode("utf-8", "surrogateescape")


def _refuse_data(kind: Kind, spec: str, project: Path | None) -> None:
    """Raises UsageError for a file that is there and can be no plugin, such as one with rows."""
    path = (project or Path.cwd()) / Path(spec).expanduser()
    if kind not in ("task", "judge", "report") or not path.is_file() or path.suffix in (".py", ".yaml", ".yml"):
        return
    rows = path.name.lower().endswith((".jsonl", ".json", ".csv", ".parquet", ".jsonl.gz", ".json.gz", ".csv.gz"))
    if rows and kind == "task":
        raise UsageError(
            f"{spec} holds rows, not a task",
            found=f"the file {path}",
            fix=f"name it as the data of a task file, mine.yaml, with the lines `data: {path.name}` and `prompt: …`; "
            f"or score replies that it holds: evalkit score TASK --responses {spec}",
        )
    wanted = ".py or .yaml" if KINDS[kind].yaml else ".py"
    raise UsageError(
        f"{spec} is not a {kind}",
        found=f"the file {path}",
        fix=f"a {wanted} file, or a name from `evalkit list {kind}s`",
    )


def _find(kind: Kind, spec: str, project: Path | None) -> PluginEntry:
    if _is_path(spec):
        _refuse_data(kind, spec, project)
        path = (project or Path.cwd()) / Path(spec).expanduser()
        if not source_file(path).is_file():
            raise UsageError(
                f"there is no {kind} in {spec!r}",
                found="a folder without __init__.py" if path.is_dir() else f"no file {path}",
                fix=f"the path of a .py{' or .yaml' if KINDS[kind].yaml else ''} file, or a name from `evalkit list`",
            )
        meta = read(path.resolve(), kind)
        toys = meta.toys if meta is not None else {}
        return PluginEntry(spec, "", (), (), path.resolve(), "path", toys=toys)
    _refuse_data(kind, spec, project)
    found = [*built_in(kind), *entries(kind, project)]
    named = [entry for entry in found if entry.name == spec]
    if len(named) > 1:
        raise clash(kind, named[0], named[1])
    if not named:
        raise unknown(kind, spec, [entry.name for entry in found])
    if named[0].problem:
        raise UsageError(f"the {kind} {spec!r} cannot be loaded", found=named[0].problem, fix="correct its file")
    return named[0]


def _is_path(spec: str) -> bool:
    return "/" in spec or "\\" in spec or spec.endswith((".py", *YAML))


def _name(path: Path) -> str:
    return path.name if path.is_dir() else path.stem


def function_of(of: Origin) -> tuple[Callable[..., object], str]:
    """The function of an origin's file, and its file and line. Executes the file; raises UsageError."""
    function: object
    if of.target:
        function = imported(of.target)
    else:
        function = getattr(guarded(of.path, partial(module_of, of.path, of.digest)), of.kind, None)
    if not inspect.isfunction(function):
        fix = KINDS[of.kind].contract
        raise UsageError(f"the file has no function {of.kind}(...)", found=str(of.path), fix=fix)
    return function, f"{source_file(of.path)}:{function.__code__.co_firstlineno}"


def checked(kind: Kind, made: object, at: str) -> object:
    """What a plugin's function returned. Raises UsageError where it is not an object of that kind."""
    wanted = KINDS[kind].returns
    if not isinstance(made, wanted):
        found = f"{type(made).__name__}: {repr(made)[:80]}"
        raise UsageError(f"{kind}(...) must return a {wanted[0].__name__}", found=found, at=at)
    return made
