"""One plugin, loaded by name or by path: its file is executed, its function called, its result checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, overload

from evalkit.core import Judge, Sibling, Suite, Task, UsageError, digest_of
from evalkit.core.named import imported
from evalkit.core.paths import packs_dir
from evalkit.core.spec import parse, unknown
from evalkit.plugins.index import YAML, PluginEntry, built_in, clash, entries
from evalkit.plugins.kinds import KINDS, Kind
from evalkit.plugins.meta import source_file
from evalkit.plugins.modules import guarded, module_of
from evalkit.plugins.options import bind, parameters_of

_REVISION = "revision"
_NO_OPTIONS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an object came from, in words that another process can load it by. `digest` is its source's; `target` is
    "module:function" of what is a part of evalkit and no plugin file."""

    kind: Kind
    name: str
    options: Mapping[str, str]
    path: Path
    digest: str
    target: str = ""


@overload
def load(
    kind: Literal["task"], spec: str, options: Mapping[str, str] = ..., project: Path | None = ...
) -> Task | Suite: ...
@overload
def load(kind: Literal["judge"], spec: str, options: Mapping[str, str] = ..., project: Path | None = ...) -> Judge: ...
@overload
def load(
    kind: Literal["report"], spec: str, options: Mapping[str, str] = ..., project: Path | None = ...
) -> Callable[..., Any]: ...
@overload
def load(kind: Kind, spec: str, options: Mapping[str, str] = ..., project: Path | None = ...) -> object: ...


def load(kind: Kind, spec: str, options: Mapping[str, str] = _NO_OPTIONS, project: Path | None = None) -> object:
    """The object of that name, or in that .py or .yaml file: a task, judge, scorer, metric, method or command; for a
    report, the function that writes it, and for a model, the function that opens one by its name.

    `spec` is a plugin's name or the path of a file or folder (relative to `project`, by default cwd), with options
    inline where wanted: `mmlu,subject=anatomy`. `options` are more of them: the arguments of the plugin's function,
    as text. Only that plugin is executed. Raises UsageError for an unknown name or option, a bad value, a file that
    cannot be loaded, an error in the plugin's own code (with file and line) and a result of the wrong type.
    """
    return reload(origin(kind, spec, options, project))


def origin(kind: Kind, spec: str, options: Mapping[str, str] = _NO_OPTIONS, project: Path | None = None) -> Origin:
    """What `load` of the same arguments would load. Nothing is executed. Raises UsageError for an unknown name."""
    asked = parse(spec)
    for name in options:
        if name in asked.options:
            raise UsageError(f"the option {name!r} is given twice", found=f"{spec!r} and {name}={options[name]}")
    found = _find(kind, asked.name, project)
    return _origin_of(kind, found, {**asked.options, **options})


def _origin_of(kind: Kind, found: PluginEntry, options: Mapping[str, str]) -> Origin:
    name = found.name if found.target else _name(found.path)
    return Origin(kind, name, options, found.path, source_digest(found.path), found.target)


def reload(of: Origin) -> object:
    """The object of an origin, also in another process. Raises UsageError where its source has changed since."""
    if not of.path.exists() or source_digest(of.path) != of.digest:
        raise UsageError(
            f"the {of.kind} {of.name!r} is not what it was when the run began",
            found=f"another content in {of.path}",
            fix="leave the file alone while it runs, or start again",
        )
    return _load(of)


def source_digest(path: Path) -> str:
    """The digest of a plugin's source: one file, or every file of a folder but compiled ones."""
    if path.is_file():
        return digest_of(_text(path))
    files = [p for p in sorted(path.rglob("*")) if p.is_file() and "__pycache__" not in p.parts]
    return digest_of(*(part for p in files for part in (p.relative_to(path).as_posix(), _text(p))))


def _text(path: Path) -> str:
    # surrogateescape keeps every byte apart, also in files that are not UTF-8.
    return path.read_bytes().decode("utf-8", "surrogateescape")


def _find(kind: Kind, spec: str, project: Path | None) -> PluginEntry:
    if _is_path(spec):
        path = (project or Path.cwd()) / Path(spec).expanduser()
        if not source_file(path).is_file():
            raise UsageError(
                f"there is no {kind} in {spec!r}",
                found="a folder without __init__.py" if path.is_dir() else f"no file {path}",
                fix=f"the path of a .py{' or .yaml' if KINDS[kind].yaml else ''} file, or a name from `evalkit list`",
            )
        return PluginEntry(_name(path), "", (), (), path.resolve(), "path")
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


def _load(of: Origin) -> object:
    if of.path.suffix in YAML:
        return _load_yaml(of)
    if of.kind == "command":
        return _load_command(of)
    function, at = function_of(of)
    what = f"the {of.kind} {of.name!r}"
    positional = KINDS[of.kind].positional
    parameters = parameters_of(function, what=what, at=at, keyword_only=positional)
    options, revision = of.options, ""
    if of.kind == "task" and _REVISION not in parameters:
        options, revision = _without_revision(options)
    bound = partial(function, **bind(parameters, options, what=what, at=at))
    if of.kind == "report":
        return partial(_written, of.path, at, bound)
    if positional:
        return partial(_called, of, at, bound)
    made = _called(of, at, bound)
    return made if of.kind != "task" else _of_revision(made, of.path, revision)


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


def _called(of: Origin, at: str, function: Callable[..., object], *given: object) -> object:
    return checked(of.kind, guarded(of.path, partial(function, *given)), at)


def _load_yaml(of: Origin) -> object:
    if not KINDS[of.kind].yaml:
        wrong = f"a {of.kind} is written in Python, not YAML"
        raise UsageError(wrong, found=str(of.path), fix=KINDS[of.kind].contract)
    if of.kind == "judge":
        from evalkit.plugins.yaml_judge import yaml_judge

        return yaml_judge(of.path, of.options)
    from evalkit.plugins.yaml_suite import is_suite, yaml_suite
    from evalkit.plugins.yaml_task import yaml_task

    if is_suite(of.path):
        return yaml_suite(of.path, of.options)
    options, revision = _without_revision(of.options)
    return _of_revision(yaml_task(of.path, options, _load_judge), of.path, revision)


def _load_command(of: Origin) -> object:
    """The command in a file: one of click's, or what a plain function of that name returns."""
    import click

    at = str(source_file(of.path))
    found = getattr(guarded(of.path, partial(module_of, of.path, of.digest)), "command", None)
    if inspect.isfunction(found):
        found = guarded(of.path, found)
    if not isinstance(found, click.Command):
        shown = f"{type(found).__name__}: {repr(found)[:80]}"
        raise UsageError("`command` must be one of click's", found=shown, fix=KINDS["command"].contract, at=at)
    return found


def _without_revision(options: Mapping[str, str]) -> tuple[Mapping[str, str], str]:
    """The options that are the task's own, and the revision of its data, which every task takes."""
    return {name: text for name, text in options.items() if name != _REVISION}, options.get(_REVISION, "")


def _of_revision(made: object, path: Path, revision: str) -> object:
    if isinstance(made, Task):
        return replace(made, revision=revision, verified=path.is_relative_to(packs_dir("tasks").resolve()))
    if revision:
        raise UsageError("a suite has no data of its own", found=f"revision={revision}", fix="name its tasks instead")
    return made


def _load_judge(spec: str, project: Path | None) -> Judge:
    judge = load("judge", spec, project=project)
    assert isinstance(judge, Judge)
    return judge


def _written(path: Path, at: str, function: Callable[..., object], *subjects: object) -> object:
    made = checked("report", guarded(path, partial(function, *subjects)), at)
    return _pieces(path, made, at) if isinstance(made, Iterator) else made


def _pieces(path: Path, made: Iterator[object], at: str) -> Iterator[str | Sibling]:
    """A report that comes in pieces, so that one of any size is never held whole; its errors are the plugin's, too."""
    while (piece := guarded(path, partial(next, made, None))) is not None:
        if not isinstance(piece, str | Sibling):
            raise UsageError(
                "a report's pieces are strings", found=f"{type(piece).__name__}: {repr(piece)[:80]}", at=at
            )
        yield piece


def checked(kind: Kind, made: object, at: str) -> object:
    """What a plugin's function returned. Raises UsageError where it is no object of that kind."""
    wanted = KINDS[kind].returns
    if not isinstance(made, wanted):
        found = f"{type(made).__name__}: {repr(made)[:80]}"
        raise UsageError(f"{kind}(...) must return a {wanted[0].__name__}", found=found, at=at)
    return made
