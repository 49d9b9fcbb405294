"""One plugin, loaded by name or by path: its file is executed, its function called, its result checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, overload

from evalkit.core import Judge, Sibling, Suite, Task, UsageError
from evalkit.core.paths import packs_dir
from evalkit.plugins import families
from evalkit.plugins.index import YAML
from evalkit.plugins.kinds import KINDS, Kind
from evalkit.plugins.meta import source_file
from evalkit.plugins.modules import guarded, module_of
from evalkit.plugins.options import bind, parameters_of
from evalkit.plugins.origin import NO_OPTIONS, Origin, checked, function_of, origin, source_digest
from evalkit.plugins.toys import of_toys

_REVISION = "revision"


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


def load(kind: Kind, spec: str, options: Mapping[str, str] = NO_OPTIONS, project: Path | None = None) -> object:
    """The object of that name, or in that .py or .yaml file: a task, judge, scorer, metric, method or command; for a
    report, the function that writes it, and for a model, the function that opens one by its name.

    `spec` is a plugin's name or the path of a file or folder (relative to `project`, by default cwd), with options
    inline where wanted: `mmlu,subject=anatomy`. `options` are more of them: the arguments of the plugin's function,
    as text. Only that plugin is executed. Raises UsageError for an unknown name or option, a bad value, a file that
    cannot be loaded, an error in the plugin's own code (with file and line) and a result of the wrong type.
    """
    of = origin(kind, spec, options, project)
    # What a family's name stands for was read a moment ago, from many files.
    return families.load(of.name, of.options, project) if of.family else reload(of)


def reload(of: Origin) -> object:
    """The object of an origin, also in another process. Raises UsageError where its source has changed since."""
    if of.family:
        return families.load(of.name, of.options, None)
    if not of.path.exists() or source_digest(of.path) != of.digest:
        raise UsageError(
            f"the {of.kind} {of.name!r} changed after the run began",
            found=f"another content in {of.path}",
            fix="do not change the file during a run, or start a new run",
        )
    return _load(of)


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
    given, chosen = of_toys(parameters, of.name, of.toys)
    bound = partial(
        function,
        **bind(given, options, what=what, at=at),
        **bind(chosen, of.toys.get(of.name, {}), what=what, at=at),
    )
    if of.kind == "report":
        return partial(_written, of.path, at, bound)
    if positional:
        return partial(_called, of, at, bound)
    made = _called(of, at, bound)
    if of.name in of.toys and isinstance(made, Task):
        made = replace(made, name=of.name, toy=True)
    return made if of.kind != "task" else _of_revision(made, of.path, revision)


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
        raise UsageError("a suite has no data", found=f"revision={revision}", fix="name its tasks instead")
    return made


def _load_judge(spec: str, project: Path | None) -> Judge:
    judge = load("judge", spec, project=project)
    assert isinstance(judge, Judge)
    return judge


def _written(path: Path, at: str, function: Callable[..., object], *subjects: object) -> object:
    made = checked("report", guarded(path, partial(function, *subjects)), at)
    return _pieces(path, made, at) if isinstance(made, Iterator) else made


def _pieces(path: Path, made: Iterator[object], at: str) -> Iterator[str | bytes | Sibling]:
    """A report that comes in pieces, so that one of any size is never held whole; its errors are the plugin's, too."""
    while (piece := guarded(path, partial(next, made, None))) is not None:
        if not isinstance(piece, str | bytes | Sibling):
            raise UsageError(
                "a report's pieces are strings or bytes", found=f"{type(piece).__name__}: {repr(piece)[:80]}", at=at
            )
        yield piece
