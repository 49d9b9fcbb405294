"""Models of the user's own: a file in models/ is a provider (`--model NAME/…`), `./my.py:Name` is one model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

from evalkit.core import Model, UsageError
from evalkit.models.functions import SETTINGS, FunctionModel
from evalkit.models.objects import WithSource
from evalkit.models.registry import Opener, ProviderEntry
from evalkit.plugins.in_file import InFile, find_in_file
from evalkit.plugins.index import PluginEntry, entries
from evalkit.plugins.load import reload
from evalkit.plugins.modules import guarded
from evalkit.plugins.options import Parameters, bind, parameters_of
from evalkit.plugins.origin import Origin, source_digest

__all__ = ["open_in_file", "own_providers"]


def own_providers(project: Path | None) -> list[ProviderEntry]:
    """The providers in the models/ of a project (None: the current folder) and of installed packs; none is run."""
    return [
        ProviderEntry(
            entry.name,
            f"{entry.summary} [{entry.origin}]",
            f"{entry.name}/NAME",
            cast(Opener, partial(_open, entry)),
            place=f"{entry.path} ({entry.origin})",
            problem=entry.problem,
        )
        for entry in entries("model", project)
    ]


def _open(entry: PluginEntry, name: str, options: Mapping[str, str]) -> Model:
    if entry.problem:
        raise UsageError(f"the model {entry.name!r} cannot be loaded", found=entry.problem, fix="correct its file")
    digest = source_digest(entry.path)
    opener = reload(Origin("model", entry.name, options, entry.path, digest))
    assert callable(opener)
    # An edited file takes no reply of the earlier one from the cache.
    return WithSource(opener(name), digest)


def open_in_file(text: str, options: Mapping[str, str], project: Path | None) -> Model:
    """The model that `path.py:name` names: a function of a prompt or of messages, a class, or an object.

    Of a class, one object is made, with the options as its arguments; a function takes options as keywords. What then
    is no `Model` is called with prompts. Raises UsageError where the file has no such thing.
    """
    found = find_in_file(text, project or Path.cwd(), what="model")
    made = found.made
    if inspect.isclass(made):
        made = _made(found, made, options)
    elif inspect.isfunction(made):
        made = _with_options(found, made, options)
    elif options:
        raise UsageError(f"{text} is an object, which takes no options", found=", ".join(options), fix="name its class")
    if isinstance(made, Model):
        return WithSource(made, found.digest)
    if not callable(made):
        fix = "a function of a prompt that returns text, a class with such a __call__, or an evalkit.Model"
        raise UsageError(f"{text} is no model", found=f"{type(made).__name__}: {made!r:.80}", fix=fix)
    title = ",".join([found.title, *(f"{key}={value}" for key, value in sorted(options.items()))])
    return WithSource(FunctionModel(made), found.digest, f"python/{title}")


def _made(found: InFile, cls: type[object], options: Mapping[str, str]) -> object:
    what, parameters = f"the model {found.title}", {}
    init: object = vars(cls).get("__init__") or getattr(cls, "__init__", None)
    if inspect.isfunction(init):
        known = dict(parameters_of(init, what=what, at=found.at, keyword_only=False))
        parameters = {name: one for number, (name, one) in enumerate(known.items()) if number}
    return guarded(found.path, partial(cls, **bind(parameters, options, what=what, at=found.at)))


def _with_options(found: InFile, function: Callable[..., Any], options: Mapping[str, str]) -> Callable[..., Any]:
    """The function with its own keywords bound; those that are settings of a request stay for evalkit to give."""
    what = f"the model {found.title}"
    known: Parameters = parameters_of(function, what=what, at=found.at, keyword_only=True)
    own = {name: one for name, one in known.items() if name not in SETTINGS}
    bound = bind(own, options, what=what, at=found.at)
    return partial(function, **bound) if bound else function
